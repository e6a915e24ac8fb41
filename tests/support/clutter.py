"""Files as they lie beside recordings and are none: of Windows, pictures, documents, archives, logs."""

import io
import random
import tarfile
import zipfile

from PIL import Image


def clutter() -> dict[str, bytes]:
    """Return whole files by name, the same at each call."""
    chance = random.Random(28)
    picture = Image.frombytes("RGB", (60, 40), chance.randbytes(60 * 40 * 3))
    pictures = {"PNG": "png", "JPEG": "jpg", "GIF": "gif", "BMP": "bmp", "WEBP": "webp", "TIFF": "tiff", "PDF": "pdf"}
    files = {f"photo.{suffix}": _picture(picture, kind) for kind, suffix in pictures.items()}
    for name, members in {
        "offer.docx": ("[Content_Types].xml", "word/document.xml"),
        "hours.xlsx": ("[Content_Types].xml", "xl/workbook.xml"),
        "archive.zip": ("a.bin", "b.bin"),
    }.items():
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
            for member in members:
                archive.writestr(member, chance.randbytes(2_000))
        files[name] = content.getvalue()
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        entry = tarfile.TarInfo("a.bin")
        entry.size = 4_000
        archive.addfile(entry, io.BytesIO(chance.randbytes(entry.size)))
    return files | {
        "archive.tar.gz": content.getvalue(),
        "Thumbs.db": bytes.fromhex("d0cf11e0a1b11ae1") + chance.randbytes(8_000),
        "desktop.ini": b"[.ShellClassInfo]\r\nIconResource=imageres.dll,-3\r\n" * 8,
        "calls.xml": b"<?xml version='1.0'?><calls>" + b"<call id='7'/>" * 300 + b"</calls>",
        "index.html": b"<html>" + b"<p>x</p>" * 500,
        "recorder.log": b"2026-11-02 12:00:01 INFO call ended\n" * 300,
        "player.exe": b"MZ" + chance.randbytes(9_000),
        "letter.rtf": b"{\\rtf1 Dear Sir or Madam}" * 200,
        "LOCK": b"\0" * 4_000,
    }


def _picture(picture: Image.Image, kind: str) -> bytes:
    content = io.BytesIO()
    picture.save(content, kind)
    return content.getvalue()
