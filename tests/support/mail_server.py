"""A mail server on 127.0.0.1 that speaks as much SMTP (RFC 5321, AUTH PLAIN and LOGIN) as a client needs."""

import asyncio
import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_string, policy
from email.message import EmailMessage


@dataclass
class MailServer:
    """Takes messages; ``password`` is asked for if set, ``busy`` connections are turned away first."""

    password: str | None = None
    busy: int = 0
    messages: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def say(line: str) -> None:
            writer.write(f"{line}\r\n".encode())

        if self.busy:
            self.busy -= 1
            say("421 too busy")
        else:
            say("220 mail.test")
            while line := (await reader.readline()).decode().strip():
                if not await self._answer(line, reader, say):
                    break
        await writer.drain()
        writer.close()

    async def _answer(self, line: str, reader: asyncio.StreamReader, say) -> bool:
        command, _, rest = line.partition(" ")
        match command.upper():
            case "EHLO":
                say("250-mail.test" if self.password else "250 mail.test")
                if self.password:
                    say("250 AUTH PLAIN")
            case "AUTH":
                given = base64.b64decode(rest.split()[1]).decode().split("\0")[-1]
                say("235 welcome" if given == self.password else "535 no")
            case "DATA":
                say("354 go on")
                text = (await reader.readuntil(b"\r\n.\r\n")).decode().removesuffix(".\r\n")
                self.messages.append(message_from_string(text, policy=policy.default))  # type: ignore[arg-type]
                say("250 taken")
            case "QUIT":
                say("221 bye")
                return False
            case "RCPT":
                self.recipients.append(rest)
                say("250 ok")
            case _:
                say("250 ok")
        return True


@contextmanager
def mail_server(password: str | None = None, busy: int = 0) -> Iterator[MailServer]:
    """Listen on a free port until the block ends."""
    server, loop, ready = MailServer(password, busy), asyncio.new_event_loop(), threading.Event()

    async def listen() -> asyncio.Server:
        listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
        server.port = listening.sockets[0].getsockname()[1]
        return listening

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(listen())
        ready.set()
        loop.run_forever()

    thread = threading.Thread(target=run)
    thread.start()
    ready.wait(10.0)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
