"""People are told what failed, through real servers, and no secret leaves by another way."""

import logging

import dagster as dg
import pytest
from support.mail_server import mail_server
from support.webhook import webhook

from emotion_pipeline.config.settings import ConfigurationError, Notifications, Settings, load_settings
from emotion_pipeline.jobs.failures import failure_sensor, notice_of
from emotion_pipeline.jobs.notices import Notice, NotificationError, channels, deliver

NOTICE = Notice("daily_emotion failed for 2026-11-02", ("raw_audio: held back: 3 of 4 rows", "run 1"))
SECRET = "very-secret-token"


def _settings(url: str | None = None, password: str | None = None, **section: object) -> Settings:
    section = {"smtp_starttls": False, "recipients": ("data@example.org",)} | section
    given = {"SLACK_WEBHOOK_URL": url, "SMTP_PASSWORD": password}
    return Settings(notifications=Notifications(**section), **given)  # type: ignore[arg-type]


def test_a_webhook_is_told_what_failed() -> None:
    with webhook() as slack:
        deliver(NOTICE, channels(_settings(slack.url)))
    assert slack.posted == [{"text": NOTICE.text}]


def test_an_e_mail_tells_what_failed_and_logs_in_where_a_password_is_set() -> None:
    with mail_server(password=SECRET) as server:
        deliver(NOTICE, channels(_settings(None, SECRET, smtp_host="127.0.0.1", smtp_port=server.port, smtp_user="u")))
    [message] = server.messages
    assert (message["Subject"], message["To"]) == (NOTICE.title, "data@example.org")
    assert message.get_content().split() == NOTICE.text.split()


def test_a_server_that_is_busy_is_asked_again() -> None:
    with webhook(503, 429) as slack, mail_server(busy=1) as server:
        deliver(NOTICE, channels(_settings(slack.url, smtp_host="127.0.0.1", smtp_port=server.port)))
    assert len(slack.posted) == len(server.messages) == 1


def test_where_one_channel_fails_the_other_is_used_all_the_same_and_the_error_names_the_failure() -> None:
    with webhook(404) as slack, mail_server() as server:
        through = channels(_settings(slack.url, smtp_host="127.0.0.1", smtp_port=server.port))
        with pytest.raises(NotificationError, match=r"127\.0\.0\.1 answers 404; check SLACK_WEBHOOK_URL"):
            deliver(NOTICE, through)
    assert len(server.messages) == 1


@pytest.mark.parametrize("status", [404, 500])
def test_no_error_and_no_log_line_holds_a_secret(status: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with webhook(*[status] * 3) as slack, mail_server(password="another") as server:
        settings = _settings(slack.url, SECRET, smtp_host="127.0.0.1", smtp_port=server.port, smtp_user="u")
        with pytest.raises(NotificationError) as caught:
            deliver(NOTICE, channels(settings))
    output = f"{caught.value!r} {caught.value.__cause__!r} {caplog.text} {settings!r}"
    assert SECRET not in output
    assert "refuses the login" in output


def test_a_mail_server_without_recipients_is_an_error_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_NOTIFICATIONS__SMTP_HOST", "mail.example.org")
    with pytest.raises(ConfigurationError, match=r"needs notifications\.recipients"):
        load_settings()


def _broken_run(instance: dg.DagsterInstance) -> dg.DagsterRun:
    @dg.asset(
        partitions_def=dg.StaticPartitionsDefinition(["2026-11-02"]),
        check_specs=[dg.AssetCheckSpec("gate", asset="raw_audio", blocking=True)],
        output_required=False,
    )
    def raw_audio():
        yield dg.AssetCheckResult(passed=False, check_name="gate", description="held back: 3 of 4 rows")

    @dg.asset(partitions_def=dg.StaticPartitionsDefinition(["2026-11-02"]))
    def tone_scores() -> None:
        raise ValueError("no weights\nwith a second line")

    run = dg.materialize([raw_audio, tone_scores], partition_key="2026-11-02", instance=instance, raise_on_error=False)
    return run.dagster_run


def test_a_run_that_failed_is_told_with_its_day_its_gate_and_its_step() -> None:
    with webhook() as slack, dg.DagsterInstance.ephemeral() as instance:
        run = _broken_run(instance)
        notice = notice_of(run, instance, "https://dagster.example.org/")
        events = [entry.get_dagster_event() for entry in instance.all_logs(run.run_id) if entry.is_dagster_event]
        failure = next(event for event in events if event.event_type == dg.DagsterEventType.PIPELINE_FAILURE)
        context = dg.build_run_status_sensor_context("run_failures", failure, instance, run).for_run_failure()
        failure_sensor(_settings(slack.url))(context)
    assert notice.title.endswith("failed for 2026-11-02")
    assert "raw_audio: held back: 3 of 4 rows" in notice.lines
    assert any(line.startswith("tone_scores: ") and "no weights" in line for line in notice.lines)
    assert notice.lines[-1] == f"https://dagster.example.org/runs/{run.run_id}"
    assert "held back: 3 of 4 rows" in slack.posted[0]["text"]
