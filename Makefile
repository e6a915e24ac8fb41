# Every target does its own set-up in .venv; Python 3.11+ and make are all that has to be there.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
HOME_DIR := .demo

INSTALLED := .venv/.installed
INSTALLED_DEV := .venv/.installed-dev
MANIFEST := dbt_project/target/manifest.json

# Relative paths in dagster.yaml and the lake are resolved from here.
DAGSTER_HOME ?= $(CURDIR)/$(HOME_DIR)/dagster
export DAGSTER_HOME
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
# dg asks for an activated environment.
export VIRTUAL_ENV := $(CURDIR)/.venv
DEMO_SETTINGS := EMOTION_STORAGE__ROOT=$(HOME_DIR)/lake EMOTION_STORAGE__MARTS=$(HOME_DIR)/marts.duckdb
# The days of the samples and of the demo's lake, and no others: the catalog counts how many of all days are there.
DEMO_DAYS = $(sort $(notdir $(wildcard samples/????-??-??)) $(basename $(notdir $(wildcard $(HOME_DIR)/lake/raw_audio/*.parquet))))
ifndef EMOTION_SOURCES__ROOT
DEV_SETTINGS = EMOTION_SOURCES__ROOT=samples EMOTION_SOURCES__FIRST_DAY=$(firstword $(DEMO_DAYS)) \
	EMOTION_SOURCES__LAST_DAY=$(lastword $(DEMO_DAYS))
endif

.PHONY: help demo dev backfill dashboard pictures docs test test-full mutations check bench format manifest clean \
	lock audit outdated licences size image scan push smoke release deploy rollback

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; name one with: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Installing into .venv (about 4 GB, once) ..."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	@touch $@

$(INSTALLED_DEV): $(INSTALLED)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

# The same paths as at run time, or dbt parses everything again then.
$(MANIFEST): $(INSTALLED) $(shell git ls-files dbt_project 2>/dev/null)
	@LAKE_ROOT=$(CURDIR)/$(HOME_DIR)/lake MARTS_PATH=$(CURDIR)/$(HOME_DIR)/.marts.duckdb.building $(BIN)/dbt --quiet parse \
		--project-dir dbt_project --profiles-dir dbt_project
	@touch $@

$(DAGSTER_HOME)/dagster.yaml: dagster.yaml
	@mkdir -p $(@D)
	@cp $< $@

manifest: $(MANIFEST) ## Parse the dbt project, which the code location needs

demo: $(MANIFEST) $(DAGSTER_HOME)/dagster.yaml ## Run the pipeline on samples/, or on your own: AUDIO=path make demo
	@$(DEMO_SETTINGS) $(BIN)/python -m emotion_pipeline.cli.demo $(if $(AUDIO),--audio '$(AUDIO)')

dev: $(INSTALLED_DEV) $(MANIFEST) $(DAGSTER_HOME)/dagster.yaml ## The Dagster UI over the demo's lake, on http://localhost:3000
	@$(DEV_SETTINGS) $(DEMO_SETTINGS) $(BIN)/dg dev

# Of your own recordings, so beside your own tables (storage.root), not beside the demo's.
backfill: DAGSTER_HOME := $(if $(filter file,$(origin DAGSTER_HOME)),$(CURDIR)/.emotion/dagster,$(DAGSTER_HOME))
backfill: $(MANIFEST) ## Materialise a range of days: make backfill FROM=2026-11-01 TO=2026-11-30
	@mkdir -p $(DAGSTER_HOME); [ -e $(DAGSTER_HOME)/dagster.yaml ] || cp dagster.yaml $(DAGSTER_HOME)
	@$(BIN)/python -m emotion_pipeline.cli.backfill --from '$(FROM)' --to '$(TO)'

# Integration tests wait for processes half of their time, hence three workers on two cores. Threads of torch that have to share
# a core wait for each other: with two each a test takes five times as long.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder --durations=30

test: $(INSTALLED_DEV) $(MANIFEST) ## The test suite; docs/testing.md says what it leaves to test-full
	@$(PYTEST) -m 'not full'

test-full: $(INSTALLED_DEV) $(MANIFEST) ## All tests, those that try every single case or take minutes too
	@TESTS=thorough $(PYTEST) --timeout 1800 --cov=emotion_pipeline.engine --cov-report=term:skip-covered --cov-fail-under=90

mutations: $(INSTALLED_DEV) $(MANIFEST) ## Break ten central lines one by one; the tests have to notice each
	@$(BIN)/python -m tests.mutations

dashboard: $(INSTALLED_DEV) ## Pages over the marts of the demo, on http://localhost:8501
	@$(DEMO_SETTINGS) $(BIN)/streamlit run dashboard/app.py

pictures: $(INSTALLED_DEV) $(MANIFEST) ## Draw the dashboard and the Dagster UI on the demo's result into docs/pictures; needs Chromium
	@$(DEMO_SETTINGS) $(BIN)/python -m dashboard.pictures
	@$(DEV_SETTINGS) $(DEMO_SETTINGS) $(BIN)/python -m dashboard.dagster_pictures

docs: $(INSTALLED_DEV) $(MANIFEST) ## The documentation site in site/index.html, with the marts of the demo as dbt draws them
	@LAKE_ROOT=$(CURDIR)/$(HOME_DIR)/lake MARTS_PATH=$(CURDIR)/$(HOME_DIR)/marts.duckdb $(BIN)/dbt --quiet docs generate --static \
		--project-dir dbt_project --profiles-dir dbt_project
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

check: $(INSTALLED_DEV) $(MANIFEST) $(DAGSTER_HOME)/dagster.yaml ## Lint, format, types, import rules, definitions
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright --threads 2
	@$(BIN)/lint-imports
	@$(BIN)/dg check defs

bench: $(INSTALLED_DEV) ## All benchmarks in their long form, one JSON line each
	@for name in $$(ls benchmarks/*.py | xargs -n1 basename -s .py | grep -v __init__); do \
		echo "$$name" >&2; $(BIN)/python -m benchmarks.$$name || exit 1; done

format: $(INSTALLED_DEV) ## Let ruff mend what it can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

# The release line: .github/workflows calls these, and one person can. REGISTRY and TAG name the images.
REGISTRY ?= emotion
TAG ?= $(shell git describe --always --dirty)
ACCELERATOR ?= cpu
SUFFIX := $(if $(filter cuda,$(ACCELERATOR)),-cuda)
IMAGES := api pipeline dashboard
ENVIRONMENT ?= staging

lock: $(INSTALLED) ## The requirements of the images with hashes, out of constraints.txt
	@$(BIN)/python deploy/lock.py

audit: $(INSTALLED) ## Known weaknesses of the packages in the images (pip-audit, in an environment of its own)
	@$(PYTHON) -m venv .venv/audit && .venv/audit/bin/pip install --quiet pip-audit==2.10.1
	@.venv/audit/bin/pip-audit --disable-pip --no-deps \
		--requirement <(cat deploy/requirements/*-$(ACCELERATOR).txt | grep -v '^[-#]' | sed 's/+cpu//; s/ --hash.*//' | sort -u)

outdated: $(INSTALLED) ## Packages of which there are newer versions than the pinned ones
	@$(BIN)/python -m pip list --outdated --not-required --disable-pip-version-check

licences: $(INSTALLED_DEV) ## Write docs/licences.md: the licences of all dependencies and weights
	@$(BIN)/python deploy/licences.py > docs/licences.md

size: $(INSTALLED_DEV) ## Estimate how large the images are, without building them
	@$(BIN)/python deploy/image_size.py

image: ## Build the images: make image REGISTRY=… TAG=… ACCELERATOR=cuda PYTHON_IMAGE=python:3.11-slim-bookworm@sha256:…
	@for name in $(IMAGES); do docker build --file deploy/Dockerfile --target $$name \
		$(if $(PYTHON_IMAGE),--build-arg PYTHON_IMAGE=$(PYTHON_IMAGE)) --build-arg ACCELERATOR=$(ACCELERATOR) \
		--build-arg VERSION=$(TAG) --build-arg REVISION=$$(git rev-parse HEAD) \
		--tag $(REGISTRY)/$$name:$(TAG)$(SUFFIX) . || exit 1; done
	@docker image ls --format '{{.Repository}}:{{.Tag}} {{.Size}}' | grep ':$(TAG)$(SUFFIX) '

scan: ## Look for known weaknesses in the images (trivy)
	@for name in $(IMAGES); do trivy image --exit-code 1 --ignore-unfixed --severity HIGH,CRITICAL \
		$(REGISTRY)/$$name:$(TAG)$(SUFFIX) || exit 1; done

push: ## Push the images to REGISTRY
	@for name in $(IMAGES); do docker push $(REGISTRY)/$$name:$(TAG)$(SUFFIX) || exit 1; done

release: image scan push ## Build, scan and push the images

# Of the chart's values, each with the image that it names. Helm changes an item of a list only where a file gives the list,
# hence the chart's own values once more.
IMAGE_VALUES := api.image=api dashboard.image=dashboard dagster.dagster-user-deployments.deployments[0].image=pipeline
set-image = --set '$(word 1,$(subst =, ,$(one))).repository=$(REGISTRY)/$(word 2,$(subst =, ,$(one)))' \
	--set '$(word 1,$(subst =, ,$(one))).tag=$(TAG)$(SUFFIX)'

deploy: ## Put TAG into the cluster of the current context: make deploy ENVIRONMENT=staging VALUES=yours.yaml
	@helm dependency build deploy/chart
	@helm upgrade --install emotion deploy/chart --namespace emotion-$(ENVIRONMENT) --create-namespace --wait --timeout 15m \
		$(addprefix --values ,deploy/chart/values.yaml $(VALUES)) $(foreach one,$(IMAGE_VALUES),$(set-image))

rollback: ## Put the release before this one into the cluster again: make rollback ENVIRONMENT=production
	@helm rollback emotion --namespace emotion-$(ENVIRONMENT) --wait --timeout 15m

smoke: $(INSTALLED) ## Ask a running service for all that it does: SMOKE_TOKEN=… make smoke URL=https://… DASHBOARD=https://…/dashboard
	@$(BIN)/emotion-clf smoke --url '$(URL)' --wait $(or $(WAIT),0) $(if $(DASHBOARD),--dashboard '$(DASHBOARD)')

clean: ## Remove what the demo made, not the virtual environment
	@rm -rf $(HOME_DIR) dbt_project/target dbt_project/logs site
