"""Telling people that something went wrong: a Slack webhook, an e-mail, or both.

What is worth telling is decided elsewhere (``jobs.failures``); here it is a title and lines of text. A webhook's
address and a mail server's password are secrets: no error, log line or notice holds them.
"""

import json
import smtplib
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from ssl import create_default_context
from typing import Final
from urllib.parse import urlsplit

import stamina

from emotion_pipeline.config.settings import Notifications, Settings
from emotion_pipeline.engine.common.errors import EmotionPipelineError

_TIMEOUT_S: Final = 10.0
_ATTEMPTS: Final = 3
_CLIENT_ERRORS: Final = range(400, 500)


class NotificationError(EmotionPipelineError):
    """A notice that could not be delivered; the message names the channel, not its secrets."""


class _BusyError(NotificationError):
    """One that may be delivered a moment later."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What happened: one line, and what there is to know about it."""

    title: str
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        return "\n".join((self.title, *self.lines))


# Delivers a notice. Raises NotificationError.
Channel = Callable[[Notice], None]


def channels(settings: Settings) -> tuple[Channel, ...]:
    """Return the channels that these settings name, none where they name none."""
    named_channels: list[Channel] = []
    if settings.slack_webhook_url is not None:
        url = settings.slack_webhook_url.get_secret_value()
        named_channels.append(lambda notice: post_to_slack(url, notice))
    if settings.notifications.smtp_host:
        secret = settings.smtp_password
        password = secret.get_secret_value() if secret else None
        named_channels.append(lambda notice: send_mail(settings.notifications, password, notice))
    return tuple(named_channels)


def deliver(notice: Notice, through: Sequence[Channel]) -> None:
    """Deliver through every channel, also where one fails; raises NotificationError with what each that failed said."""
    failures = []
    for channel in through:
        try:
            channel(notice)
        except NotificationError as error:
            failures.append(str(error))
    if failures:
        raise NotificationError("; ".join(failures))


@stamina.retry(on=_BusyError, attempts=_ATTEMPTS, timeout=60.0, wait_initial=0.2)
def post_to_slack(url: str, notice: Notice) -> None:
    """Post to an incoming webhook (https://api.slack.com/messaging/webhooks).

    With the standard library: HTTP clients that log the addresses they ask would log the secret. Raises
    NotificationError; what may pass is tried again.
    """
    host = urlsplit(url).hostname or "no host"
    body = json.dumps({"text": notice.text}).encode()
    try:
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S):
            return
    except urllib.error.HTTPError as error:
        if error.code in _CLIENT_ERRORS and error.code != 429:
            message = f"the Slack webhook at {host} answers {error.code}; check SLACK_WEBHOOK_URL"
            raise NotificationError(message) from None
        raise _BusyError(f"the Slack webhook at {host} answers {error.code}") from None
    except (OSError, ValueError) as error:
        raise _BusyError(f"the Slack webhook at {host} cannot be reached ({type(error).__name__})") from None


@stamina.retry(on=_BusyError, attempts=_ATTEMPTS, timeout=60.0, wait_initial=0.2)
def send_mail(server: Notifications, password: str | None, notice: Notice) -> None:
    """Send an e-mail through ``server``. Raises NotificationError; what may pass is tried again."""
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = notice.title, server.sender, ", ".join(server.recipients)
    message.set_content(notice.text)
    named = f"the mail server {server.smtp_host}:{server.smtp_port}"
    try:
        with smtplib.SMTP(str(server.smtp_host), server.smtp_port, timeout=_TIMEOUT_S) as smtp:
            if server.smtp_starttls:
                smtp.starttls(context=create_default_context())
            if server.smtp_user and password:
                smtp.login(server.smtp_user, password)
            smtp.send_message(message)
    except smtplib.SMTPAuthenticationError:
        raise NotificationError(f"{named} refuses the login; check smtp_user and SMTP_PASSWORD") from None
    except smtplib.SMTPRecipientsRefused as error:
        raise NotificationError(f"{named} refuses {', '.join(error.recipients)}; check recipients") from None
    except smtplib.SMTPNotSupportedError as error:
        raise NotificationError(f"{named}: {error}; set notifications.smtp_starttls to what it offers") from None
    except OSError as error:  # SMTPException is one
        raise _BusyError(f"{named} does not take the message ({type(error).__name__})") from None
