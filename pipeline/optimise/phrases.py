"""The closed classes of words that courtesies are made of, and what marks one.

What people write around a request is put together from few words, so these are classes rather than lists of sentences.
"""

from __future__ import annotations

import re

from pipeline.cache.guards.words import several

# A sentence, or the part before a request, that is made of these words alone says nothing but courtesies. Some of them count
# for the linter (`any`, `more`): where they are more than a courtesy, it objects.
COURTEOUS = several(
    # grammar
    "i i'd i'm i've i'll im id ive we we'd we're we've us me my mine our you you'd you're you've u your yours it it's "
    "it'd its this "
    "that that's that'd these those there there's here here's am is are was were be been being do does doing done did "
    "have has had "
    "having would could can may might will to of for in on with at about from by as if whether and or but so since "
    "because the a an "
    "some any all such very much lot lots bit little really truly quite just also too again ever already now today out "
    "up back most "
    "more than whatever whichever regarding concerning soon later once time times way ways yet through over "
    # how much, and how
    "please kindly possibly perhaps maybe potentially hopefully gladly simply greatly highly deeply sincerely extremely "
    "incredibly "
    "absolutely immensely genuinely super terribly awfully beyond hugely enormously tremendously truly eternally "
    "forever endlessly "
    "especially particularly honestly basically quickly briefly kinda sorta  "
    "kind enough able willing possible likely good great nice lovely wonderful fantastic amazing awesome perfect ideal "
    "pleasant excellent "
    "fabulous brilliant fine well okay ok alright cool terrific marvelous marvellous incredible superb sweet quick huge "
    "big tremendous "
    "small simple silly dumb stupid basic odd strange long short valuable generous useful helpful supportive thoughtful "
    # greetings and wishes
    "hello hi hey hiya howdy greetings dear sir madam everyone folks team assistant friend buddy morning afternoon "
    "evening day days week "
    "weekend night rest hope hoped hoping hopes wish wishing wishes trust find finds found message spirits best regards "
    "warm warmly "
    "kindest faithfully yours ahead going keep take care luck doing reading cheers "
    # thanks and apologies
    "thank thanks thankful thanking thx ty grateful gratitude appreciate appreciated appreciates appreciation "
    "appreciative obliged "
    "indebted debt owe delighted happy glad pleased honored honoured thrilled excited relieved relief honor honour "
    "privilege pleasure "
    "joy lucky blessed legend lifesaver advance beforehand attention consideration patience understanding kindness cooperation "
    "generosity effort efforts ton tons bunch million ages bottom heart world mean means meaning sorry apologize apologise "
    "apologies apologizing inconvenience pardon excuse forgive interrupt interrupting bother bothering disturb "
    "disturbing trouble "
    "troubling wasting "
    # asking
    "support help helped helping helps assistance assist assisting aid advice guidance input thoughts thought insight "
    "insights opinion "
    "view views perspective expertise wisdom suggestion suggestions tip tips pointer pointers recommendation "
    "recommendations idea ideas information info feedback response reply answer answers answering hearing hear look "
    "looking seeing see "
    "forward ask asking asked question questions wonder wondered wondering curious curiosity curious inquiry inquire "
    "enquire query issue "
    "request requests requesting reach reaching contact contacting write writing turn turning come get getting give "
    "giving given provide "
    "providing provided offer offering like love want wanted wanting need needing seek seeking try trying something "
    "anything thing "
    "matter regard task favor favour hand moment minute second while chance opportunity possibility share sharing let tell "
    "know knowing feel free listening sense follow following follows say saying begin beginning start starting taking "
    "words service "
    "interested keen eager pick picking brain brains light shed shedding prefer rather make makes making it'll "
    "put mind ease peace eternal infinite great deal"
)
# What makes such a sentence a courtesy. Without one of these it is left: it may be an answer or a plain statement.
THANKS = re.compile(
    r"\b(?:thank\w*|thx|ty|cheers|grateful|gratitude|appreciat\w+|obliged|indebted|in your debt|owe you|(?:best|kind"
    r"|warm|kindest) regards"
    r"|(?:best|kind|warm) wishes|greetings|hello|hi|hey|hiya|howdy|sorry|apolog\w+|pardon|excuse me|forgive me"
    r"|look(?:ing)? forward"
    r"|(?:mean|means|meaning) (?:a lot|the world|so much|a great deal)|dear (?:sir|madam|assistant|all|team)"
    r"|good (?:morning|afternoon|evening|day)|all the best|take your time"
    r"|(?:have|having|wish|wishing|hope|enjoy)\b.{0,40}\b(?:day|week|weekend|evening|night|morning|afternoon|well|fine"
    r"|good|okay|ok|spirits"
    r"|sense|all right|alright))\b",
    re.DOTALL,
)
# These are courtesies only where another sentence asks for something.
ASKS = re.compile(
    r"\b(?:help\w*|assist\w*|support|question|query|ask\w*|favou?r|hand|advice|guidance|input|insights?|thoughts?"
    r"|opinion|views?"
    r"|perspective|suggestions?|tips?|pointers?|recommendations?|ideas?|information|feedback|expertise|brains?|request"
    r"|(?:if|that) (?:you|u) (?:could|would|can))\b"
)
_MORE = r"(?:and |also,? |so |again,? |once again,? |finally,? |lastly,? )*"
_MUCH = r"(?:(?:many|so many|a thousand|a million|big|huge|with many|warm) )?"
_HOW = (
    r"(?:'d|'m|'ll| would| will| want| wanted| wish| like| love| do| am| just| really| also| truly| very much"
    r"| sincerely| to| say"
    r"| begin by saying| start by saying| take this opportunity)*"
)
_SO = r"(?: really| truly| do| very much| so| also| greatly| sincerely| very| much)*"
# These begin a sentence of thanks whatever it goes on to say, if the linter finds nothing in it.
THANKING = re.compile(
    rf"\W*{_MORE}(?:{_MUCH}(?:thanks|thank you|thank u|thanking you|thx|ty)(?! to\b)"
    rf"|(?:i|we|let me){_HOW} (?:thank(?:s|ing)?|express (?:my|our) (?:\w+ )?(?:gratitude|thanks|appreciation))\b"
    rf"|(?:i|we){_SO} appreciate (?:you|your|the|any|all|that you|how) "
    rf"|(?:(?:i|we)(?:'m| am| are|'re){_SO} )?looking forward to (?:your|hear|see|read|learn|receiv|getting|the |what)"
    r"|(?:i|we) look forward to |(?:i|we)(?: do)? apologi[sz]e(?: in advance)? (?:if|for (?:the|any|my|this|bothering"
    r"|troubling|asking))"
    r"|apologies |(?:(?:i'm|i am|we're|we are)(?: so| very)? )?sorry (?:if|for (?:the|any|my|this|bothering|troubling|asking)"
    r"|to (?:bother|trouble|disturb|ask)))"
)
# A sentence of thanks that goes on to a request is none.
BESIDES = re.compile(
    r"\b(?:please|(?:could|can|would|will) you|but|if you could|now|also|then|because|since|i need|i want|question|is)\b|[:;]"
)
