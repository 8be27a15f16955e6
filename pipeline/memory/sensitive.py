"""What is not to be remembered by default: secrets, numbers of people and accounts, how to reach somebody, health, belief.

These are the special categories of article 9 of the GDPR, and what a thief would look for. A note is refused on suspicion.
"""

from __future__ import annotations

import re

_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){1,4}")
_DIGITS = re.compile(r"\+?\d(?:[\s().-]{0,2}\d){6,24}")
_KEY = re.compile(
    r"\b(?:sk|pk|ghp|gho|xox[abp]|AKIA|eyJ)[-_]?[A-Za-z0-9_\-]{12,}|\b(?=\w*\d)(?=\w*[a-zA-Z])[\w+/-]{24,}\b|-----BEGIN"
)
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b")
_DATE = re.compile(r"\b\d{4}-\d{1,2}-\d{1,2}\b|\b\d{1,2}[./]\d{1,2}[./]\d{2,4}\b")
_STREET = re.compile(
    r"\b\d{1,5}[a-z]? (?:[A-Z][\w'.-]+ ){1,3}(?i:street|st|road|rd|avenue|ave|lane|ln|drive|boulevard|blvd|square|court|way|"
    r"close)\b|\b(?i:\w+(?:stra(?:ss|ß)e|str\.|gasse|weg|platz)) \d{1,4}\b|\b(?i:post|zip) ?code\b"
)
_WORDS: dict[str, str] = {
    "secret": (
        r"pass(?:word|phrase|code)s?|pin(?: code| number)?|api[ -]?keys?|secret|credentials?|(?:access|auth|bearer) tokens?|"
        r"private key|login (?:is|data|name)|cvv|cvc|2fa|otp|recovery code|seed phrase|security (?:question|code)|(?:door|"
        r"gate|alarm|entry|access|lock|safe|garage)(?: \w+)? codes?|combination"
    ),
    "identity": (
        r"social security|ssn|passport|national id|id (?:card|number)|identity (?:card|number)|driver'?s licen[cs]e|tax (?:id|"
        r"number)|insurance number|date of birth|born on|licen[cs]e plate"
    ),
    "money": (
        r"credit card|debit card|card number|bank account|account number|iban|sort code|routing number|salary|net worth|in "
        r"debt|debts|bankrupt|mortgage|credit score|i earn (?:\W|\d|about|around)"
    ),
    "contact": (
        r"e-?mail(?: address)?(?: is|:)|(?:phone|mobile|cell|telephone) numbers?|(?:home|street|postal|mailing) address|"
        r"my address|reach me (?:at|on)|whatsapp"
    ),
    "health": (
        r"diagnos\w+|diseases?|illness\w*|disorders?|syndrome|symptoms?|medications?|medicines?|meds|prescri\w+|therap\w+|"
        r"antidepressants?|allerg\w+|intoleran\w+|diabet\w+|cancer|tumou?r|asthma\w*|depress\w+|anxiety|adhd|autis\w+|bipolar|"
        r"epilep\w+|migraines?|pregnan\w+|miscarriage|abortion|hiv|aids|covid|blood (?:pressure|type|sugar|group)|cholesterol|"
        r"surgery|disab\w+|insulin|wheelchair|addict\w+|alcoholic|rehab|suicid\w+|self-harm|infert\w+|chronic|arthritis|"
        r"\w{3,}itis|\w{3,}osis|\w{3,}emia|suffer(?:s|ing)? from|hurts?|injur\w+|menopause|dyslexi\w+|celiac|coeliac|weight|"
        r"bmi|menstrua\w+|my period|i weigh|patient with|sick leave"
    ),
    "belief": (
        r"relig\w+|christian|catholic|protestant|muslim|jewish|hindu|buddhist|atheist|agnostic|sikh|mosque|synagogue|church|"
        r"vote(?:d|s)? for|republican|democrat|communist|socialist|political|trade union|labou?r union"
    ),
    "intimate": (
        r"gay|lesbian\w*|transgender\w*|queer|\w*sexual\w*|sexuality|ethnicit\w+|my race|affair|divorc\w+|arrest\w*|convicted|"
        r"criminal record|prison|undocumented|asylum"
    ),
}
_SAID = {reason: re.compile(rf"\b(?:{words})(?!\w)", re.IGNORECASE) for reason, words in _WORDS.items()}


def sensitive(text: str) -> str | None:
    """Why this must not be remembered: `card`, `phone`, `email`, `secret`, `health` and the like; None where nothing is seen."""
    if _EMAIL.search(text):
        return "email"
    if _IBAN.search(text):
        return "account"
    for found in _DIGITS.finditer(_DATE.sub(" ", text)):
        return "card" if _is_card(found.group()) else "number"
    if _KEY.search(text):
        return "secret"
    if _STREET.search(text):
        return "address"
    return next((reason for reason, pattern in _SAID.items() if pattern.search(text)), None)


def _is_card(text: str) -> bool:
    """Whether these digits fit the check digit of payment cards (Luhn, ISO/IEC 7812-1)."""
    digits = [int(char) for char in text if char.isdigit()]
    if not 13 <= len(digits) <= 19:
        return False
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
