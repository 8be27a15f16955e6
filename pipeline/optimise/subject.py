"""What a text is about, where that forbids an edit: its layout, its characters, its wording, a role that is played.

Each cue errs on the side of leaving a text alone.
"""

from __future__ import annotations

import re

from pipeline.cache.guards.words import several
from pipeline.optimise.cues import Cue
from pipeline.optimise.english import lowered

LEAD = 200  # characters in which a sample is announced
LAYOUT = Cue(
    several(
        "inde pret beau mini whit spac line new newl blan tab tabs lint diff patc form refo byte chec hash sha md base "
        "enco encr decr "
        "dige sign verb word char unch as exac how numb coun asci poem poet vers stan lyri"
    ),
    re.compile(
        r"\b(?:indent\w*|pretty|prettif\w+|beautif(?:y|ier|ied)|minif\w+|white[ -]?space\w*|spacing|line ?breaks?|new ?lines?"
        r"|blank lines?|tabs? (?:or|and|to|with|instead)|lines? (?:no\.? |number )?\d+|line numbers?|lint(?:er|ing)?|diff|patch"
        r"|formatted|formatting|reformat\w*|format (?:this|the|my|it|these)"
        r"|bytes?|checksum|hash(?:es|ed)?|sha-?\d*|md5|base64|encod\w+|encrypt\w*|decrypt\w*|digest|signature"
        r"|verbatim|word[- ]for[- ]word|character by character|unchanged|as[- ]is|exact (?:copy|text|characters)"
        r"|(?:how many|number of|count(?: the)?)(?: of)?(?: the)? (?:lines|characters|letters|spaces|words|tokens|times)"
        r"|ascii[- ]art|poem|poetry|verse|stanza|lyrics)\b"
    ),
)
CHARACTERS = Cue(
    several("unic code char utf liga diac acce glyp nfc nfd nfkc nfkd"),
    re.compile(r"\b(?:unicode|code ?points?|characters?|utf-?\d+|ligatures?|diacritic\w*|accents?|glyphs?|nfk?[cd])\b"),
)
REPEATS = Cue(
    several("repe dupl redu occu how iden plag comp diff"),
    re.compile(
        r"\b(?:repeat\w*|repetition\w*|duplicat\w*|redundan\w*|occur\w*|how (?:many times|often)|identical|plagiari\w+"
        r"|compare|diff\w*)\b"
    ),
)
_TEXT = (
    r"(?:texts?|sentences?|paragraphs?|essay|letter|e?-?mail|wording|writing|message|english|style|draft|prompt|following|below"
    r"|this)"
)
# Here the words are what is asked about, or are to be worked on.
WORDING = Cue(
    several(
        "tran proo para reph rewr rewo copy poli punc gram typo miss spel edit shor simp cond dict corr fix impr revi "
        "refi form make "
        "sent tone styl regi word re this my the a foll syst bett good"
    ),
    re.compile(
        r"\b(?:translat\w+|proof-?read\w*|paraphras\w*|re-?phras\w*|re-?writ\w*|re-?word\w*|copy-?edit\w*|polish"
        r"|punctuat\w*|grammar\w*"
        r"|grammatical\w*|typos?|misspel\w*|spell(?:ing|ed|-check\w*)|edit|shorten|simplify|condense|transcri\w+|dictat\w+"
        rf"|(?:correct|fix|improve|revise|review|refine|formali[sz]e)(?: \w+){{0,3}} {_TEXT}"
        r"|make(?: \w+){1,5} (?:sound|formal|polite|concise|shorter|clearer|professional|casual|friendl(?:y|ier))"
        r"|(?:sentiment|tone|style|register|politeness|wordiness)(?: \w+){0,2} (?:of|analysis|in)"
        r"|(?:this|my|the|a|following|system|better|good) prompts?)\b"
    ),
)
MENTION = Cue(
    several(
        "how what mean phra syno anto idio expr pron poli etiq adve adje conj the a this old famo popu word in voca "
        "ling fill verb quot"
    ),
    re.compile(
        r"\b(?:how (?:do|would|can|should|to) (?:\w+ )?(?:say|spell|pronounce|write)|what (?:does|do|did|is"
        r"|are)\b.{0,60}\bmean|meaning of"
        r"|phrases?|synonyms?|antonyms?|idioms?|(?<!regular )(?<!lambda )(?<!facial )expressions?|pronounc\w+|politely"
        r"|politeness|etiquette"
        r"|adverbs?|adjectives?|conjunctions?|(?:the|a|this|old|famous|popular) saying|wording|the words?"
        r"|words? (?:for|that|like|such as|to use|mean\w*)|in a sentence|vocabulary|linguistic\w*|filler words?"
        r"|verbos\w+|quotes?"
        r"|quotations?)\b"
    ),
)
ROLE = Cue(
    several("act acti pret role play take assu in pers imag supp from"),
    re.compile(
        r"\b(?:act(?:ing)? as|pretend\w*|role[- ]?play\w*|play the (?:role|part)|(?:take on|assume) the (?:role"
        r"|persona)|in character"
        r"|in the (?:style|voice) of|persona|imagine (?:that )?you(?:'re| are|rself)|suppose (?:that )?you(?:'re| are)"
        r"|from now on)\b"
    ),
)
_YOU_ARE = re.compile(r"\W*you(?:'re| are) (?:now )?(?:a|an|the|my)\b")
# Something that may greet and thank itself: it is to be written, or is given.
CORRESPONDENCE = Cue(
    several("writ draf comp prep send crea word repl resp make maki give givi deli help e ema emai lett resi than wedd eulo"),
    re.compile(
        r"\b(?:(?:writ\w+|draft\w*|compos\w+|prepar\w+|send\w*|creat\w+|word|reply\w*|respond\w*|mak(?:e|ing)|give\w*"
        r"|giving|deliver\w*|help\w*)\b"
        r"[^.!?\n]{0,60}\b(?:notes?|messages?|repl(?:y|ies)|speech|toast|invitations?|cards?|announcements?|scripts?"
        r"|dialogues?|stor(?:y|ies)"
        r"|posts?|tweets?|captions?|testimonials?|reviews?|statements?|greetings?|apolog(?:y|ies))"
        r"|e-?mails?|letters?|resignation|complaints?|thank[- ]you[- ](?:notes?|cards?|letters?|speech|messages?)"
        r"|wedding|eulogy)\b"
    ),
)
_SAMPLE = re.compile(
    r"\b(?:(?:respond|reply|answer|return|output|produce|generate|write|give|print|emit|format(?:ted)?"
    r"|structured?)\b[^.\n]{0,60}"
    r"\b(?:like|as|in|with|using|following|exactly|this|matching)"
    r"|(?:this|the following|below|exact|same) (?:json |xml )?(?:format|structure|schema|template|shape|layout|style)"
    r"|(?:example|sample|expected|desired|template)s?(?: (?:of|for))?(?: the)? ?(?:json |xml )?"
    r"(?:output|response|answer|result|reply)?s?"
    r"|(?:should|must|needs? to) (?:look|be)(?: exactly)? (?:like|formatted|structured))\b[^.\n]*[:\s]*\Z"
)
_EXAMPLES = re.compile(
    r"^[ \t>*#-]*\**(?:input|output|q|a|question|answer|example|sample|sentence|user|human|assistant|ai|system|prompt|response"
    r"|completion|instruction|premise|hypothesis|label|text|review|before|after)s?(?: ?\(?\d+\)?)?\**[ \t]*:",
    re.MULTILINE,
)
_GIVEN = re.compile(r"\b(?:following|below|above|attached|here (?:is|are)|here's)\b|:\s*$", re.MULTILINE)


def layout(text: str) -> bool:
    """White space, lines or bytes matter to what is asked."""
    return LAYOUT.search(text) is not None


def characters(text: str) -> bool:
    """Single characters matter."""
    return CHARACTERS.search(text) is not None


def sample(before: str) -> bool:
    """What comes after this is a sample of the answer that is wanted: its form is copied, white space and all."""
    return _SAMPLE.search(lowered(before[-LEAD:])) is not None


def repeats(text: str) -> bool:
    """Repetitions matter."""
    return REPEATS.search(text) is not None


def role(text: str) -> bool:
    """A role is played: what is said in it is part of it."""
    return ROLE.search(text) is not None or _YOU_ARE.match(lowered(text)) is not None


def examples(text: str) -> bool:
    """Worked examples, marked as such."""
    return ":" in text and len(_EXAMPLES.findall(lowered(text))) >= 2


def mention(text: str) -> bool:
    """Words or phrases are asked about."""
    return MENTION.search(text) is not None


def correspondence(text: str) -> re.Match[str] | None:
    """Where something is first named that may greet and thank itself."""
    return CORRESPONDENCE.search(text)


def wording(text: str) -> re.Match[str] | None:
    """Where a text is first said to be worked on as a text."""
    return WORDING.search(text)


def given_after(sentence: str) -> bool:
    """What is to be worked on comes after this sentence."""
    return _GIVEN.search(lowered(sentence)) is not None
