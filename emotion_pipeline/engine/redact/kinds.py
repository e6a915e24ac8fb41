"""Which personal data are told apart: codes, one sentence for each, and the placeholders that stand in their place.

The codes are those of AssemblyAI's redaction policies (https://assemblyai.com/docs/pii-redaction). Recognising the data
is not done here.
"""

import re
from typing import Final

from emotion_pipeline.engine.common.code_enum import CodeEnum


class DataKind(CodeEnum):
    """A kind of personal data; ``meaning`` is one sentence. Where findings overlap, the kind listed first wins."""

    EMAIL_ADDRESS = "email_address", "An e-mail address, written or spoken."
    URL = "url", "An internet address, written or spoken."
    IP_ADDRESS = "ip_address", "The address of a computer, IPv4 or IPv6."
    BANKING_INFORMATION = "banking_information", "An IBAN, a routing number, a sort code or a bank account."
    CREDIT_CARD_NUMBER = "credit_card_number", "The number of a credit or debit card, or a part of it."
    CREDIT_CARD_CVV = "credit_card_cvv", "The security code of a card."
    CREDIT_CARD_EXPIRATION = "credit_card_expiration", "When a card expires."
    US_SOCIAL_SECURITY_NUMBER = "us_social_security_number", "A US social security number, or its last four digits."
    PASSPORT_NUMBER = "passport_number", "The number of a passport."
    DRIVERS_LICENSE = "drivers_license", "The number of a driver's license."
    VEHICLE_ID = "vehicle_id", "A vehicle identification number or a license plate."
    HEALTHCARE_NUMBER = "healthcare_number", "The number of a patient or of a health insurance."
    PASSWORD = "password", "A PIN, a passcode or a one-time code."
    DATE_OF_BIRTH = "date_of_birth", "When somebody was born."
    ACCOUNT_NUMBER = "account_number", "The number of a customer, member or policy."
    PHONE_NUMBER = "phone_number", "A telephone or fax number, with its extension."
    PERSON_NAME = "person_name", "The name of a person; found only where a model of names is given."
    NUMBER_SEQUENCE = "number_sequence", "Six or more digits said one after the other, of no known kind."


_TRAILING: Final = re.compile(r"[.,;:!?…。？！]*$")
_PLACEHOLDER: Final = re.compile(r"\[[A-Z]+(?:_[A-Z]+)*\]" + _TRAILING.pattern)


def placeholder(kind: DataKind, word: str) -> str:
    """Return what stands for ``word``: the kind in capitals and brackets, sentence marks at the end kept."""
    marks = _TRAILING.search(word)
    return f"[{kind.value.upper()}]{marks.group() if marks else ''}"


def is_placeholder(word: str) -> bool:
    """Tell whether ``word`` stands for something that was taken out, here or by a service."""
    return word.startswith("[") and _PLACEHOLDER.fullmatch(word) is not None
