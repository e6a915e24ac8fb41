#!/usr/bin/env bash
# Back up, or restore, what cannot be computed again, to a folder: deploy/backup.sh save FOLDER, deploy/backup.sh restore FOLDER.
#   DAGSTER_PG_URL, EMOTION_DATABASE_URL   the databases of runs and of jobs; one that is not set is left out. pg_dump has to be
#                                          of the server's version or newer
#   DATA                                   the folder of lake, recordings and uploads (/data); in an object store they need
#                                          versions and a copy in another region instead
# Marts are not saved: `make backfill` or the job marts_only builds them out of the lake.
# Order matters: databases first, so that every row of a job has its upload in the copy.
set -euo pipefail
action=${1:?save or restore}
folder=${2:?the folder of the backup}
data=${DATA:-/data}

databases() {
    for variable in DAGSTER_PG_URL EMOTION_DATABASE_URL; do
        if [[ -n ${!variable:-} ]]; then "$@" "$variable" "${!variable}"; fi
    done
}

dump() { pg_dump --format custom --file "$folder/$1.dump.part" "$2" && mv "$folder/$1.dump.part" "$folder/$1.dump"; }

load() { pg_restore --clean --if-exists --no-owner --exit-on-error --single-transaction --dbname "$2" "$folder/$1.dump"; }

case $action in
    save)
        mkdir -p "$folder"
        databases dump
        tar --create --file "$folder/data.tar.part" --directory "$data" --exclude './marts.duckdb*' .
        mv "$folder/data.tar.part" "$folder/data.tar"
        ;;
    restore)
        [[ -f $folder/data.tar ]] || { echo "$folder holds no whole backup: data.tar is missing" >&2; exit 1; }
        mkdir -p "$data"
        if [[ -n $(ls -A "$data") ]]; then echo "$data is not empty; restore into an empty folder" >&2; exit 1; fi
        databases load
        tar --extract --file "$folder/data.tar" --directory "$data"
        ;;
    *) echo "save or restore, not $action" >&2; exit 2 ;;
esac
