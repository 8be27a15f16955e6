"""The closed classes of words that memory knows. Everything is lower case.

As with the guards of the cache, only words of which there are few stand here; names, things and activities are open, and are
taken as the user puts them.
"""

from __future__ import annotations

from pipeline.cache.guards.words import several

# Of whom one may have several, so that a name says nothing of which; and they have not agreed to be remembered.
OTHER_PEOPLE = several(
    "friend friends colleague colleagues coworker coworkers neighbor neighbour neighbors neighbours cousin cousins uncle "
    "aunt nephew "
    "niece classmate classmates acquaintance client clients customer customers user users patient patients teacher professor "
    "student students landlord tenant guest guests buddy pal mate ex stranger character characters hero heroine protagonist "
    "player "
    "person people man woman guy girl boy lady someone somebody everyone everybody anyone author speaker writer lawyer doctor"
)
PETS = several(
    "dog cat puppy kitten rabbit hamster parrot horse pony guinea turtle tortoise budgie canary goldfish snake lizard pet"
)
FAMILY = several(
    "wife husband partner spouse girlfriend boyfriend fiance fiancée fiancé fiancee daughter son child kid baby mother "
    "father mom mum "
    "dad mama papa sister brother grandmother grandfather grandma grandpa granny grandson granddaughter twin twins stepson "
    "stepdaughter toddler"
)
# Heads of "my X is ..." and "I have a X" that tell of the moment, or of the talk itself.
PASSING = several(
    "question questions problem problems issue issues concern point guess understanding idea error bug code test tests query "
    "function "
    "script build output input result results request answer answers assignment homework task prompt bad fault turn thought "
    "thoughts "
    "opinion feeling impression mistake apologies apology doubt suggestion experience hope wish fear worry advice mind head "
    "heart "
    "back eyes hands feet stomach life day week evening morning night meeting appointment call exam cold favorite favourite best "
    "first last only main other reason look minute moment second hour chance time reply response message comment followup "
    "plan plans dream it that this way bit lot couple few feeling headache"
)
VAGUE = several(
    "it that this these those them there here so one some any all none both either neither something anything nothing everything "
    "someone anyone what which who more less enough okay ok fine good great bad sure ready done right wrong back home stuck "
    "lost tired "
    "sorry happy sad glad afraid confused curious interested interesting new old bored busy free late early able unable "
    "going trying "
    "looking wondering thinking not just about alone away online offline hungry thirsty sick ill well better worse in on at "
    "a an the my "
    "your our impressed impressive excited exhausted nervous worried angry serious kidding joking certain convinced aware "
    "familiar unsure unclear clear asking talking speaking saying getting having doing using making trying hoping planning open "
    "up down out off over through him her them us yes no please thanks hello hi"
)
# What is called by more than one name has one name here.
SYNONYMS = {
    name: group.split()[0]
    for group in (
        "job profession occupation role position title trade",
        "employer company firm workplace",
        "home house flat apartment city town residence place",
        "editor ide",
        "os system",
        "database db databases datastore",
        "food dish meal cuisine",
        "timezone",
        "budget",
        "mother mom mum mama",
        "father dad papa",
        "grandmother grandma granny",
        "grandfather grandpa",
        "university college uni school",
        "hobby pastime hobbies",
        "project",
        "deadline",
        "color",
        "film movie",
        "bike bicycle",
        "child kid baby toddler",
        "answer reply response explanation output message",
        "vacation holiday",
        "series show",
    )
    for name in group.split()
}
DIETS = several(
    "vegetarian vegan pescatarian pescetarian flexitarian keto paleo omnivore carnivore halal kosher low-carb gluten-free "
    "dairy-free "
    "lactose-free sugar-free plant-based raw-vegan fruitarian teetotal teetotaller teetotaler"
)
# Kinds of tools of which one works with one at a time: a new one takes the place of the old.
TOOLS: dict[str, str] = {
    name: kind
    for kind, names in {
        "programming language": (
            "python python2 python3 javascript js typescript ts java c c# csharp c++ cpp go golang rust ruby php swift "
            "kotlin scala perl "
            "bash powershell haskell ocaml elixir erlang clojure julia lua matlab fortran cobol dart zig nim lisp scheme prolog "
            "pascal delphi objective-c groovy assembly r sql crystal f# vb.net"
        ),
        "database": (
            "postgresql postgres mysql mariadb sqlite mongodb mongo cassandra dynamodb oracle redis couchdb neo4j firestore "
            "cockroachdb clickhouse snowflake bigquery duckdb elasticsearch supabase"
        ),
        "editor": (
            "vim neovim emacs vscode vs-code visual-studio-code pycharm intellij webstorm sublime atom nano helix eclipse "
            "xcode rider goland "
            "cursor zed "
            "notepad++ jupyter clion rubymine phpstorm kate micro"
        ),
        "operating system": (
            "windows linux ubuntu debian fedora arch macos mac osx mint manjaro centos nixos freebsd openbsd chromeos gentoo "
            "opensuse "
            "alpine rocky redhat pop!_os"
        ),
        "phone": "android iphone ios pixel galaxy",
        "browser": "chrome firefox safari edge opera brave vivaldi",
        "shell": "zsh fish ksh nushell",
        "cloud": "aws azure gcp heroku hetzner digitalocean linode cloudflare vercel netlify",
        "frontend framework": "react angular vue svelte nextjs next.js nuxt solidjs ember",
        "web framework": "django flask rails fastapi laravel spring express symfony phoenix gin",
        "spreadsheet": "excel sheets calc numbers",
        "version control": "git mercurial svn perforce",
        "package manager": "npm yarn pnpm pip poetry uv conda cargo maven gradle bundler",
        "ci": "jenkins circleci travis github-actions gitlab-ci buildkite",
    }.items()
    for name in names.split()
}
# These are common words as well, so they are tools only with a capital.
COMMON_TOOLS = several(
    "go rust swift c r d basic fish edge opera brave express spring gin symphony calc numbers mint arch rocky alpine helix "
    "atom cursor "
    "nano micro oracle excel sheets phoenix rails flask travis poetry cargo safari snowflake pixel galaxy ember ruby crystal "
    "pascal "
    "julia dart scheme lisp perl rider eclipse sublime kate sketch azure"
)
# What can be wished of answers, by dimension: on each a new wish takes the place of the old.
MANNERS: dict[str, str] = {
    word: dimension
    for dimension, words in {
        "length": (
            "short brief concise long detailed thorough succinct terse shorter longer lengthy extensive comprehensive "
            "compact short-ish "
            "in-depth one-sentence one-line crisp elaborate exhaustive medium-length"
        ),
        "tone": "formal informal casual friendly polite serious humorous funny neutral professional relaxed warm playful dry",
        "level": "simple basic advanced technical non-technical beginner-friendly expert-level plain easy",
        "layout": "bullet bullets bulleted bullet-point tables table prose markdown numbered plain-text",
        "emoji": "emoji emojis emoticons smileys",
        "jargon": "jargon buzzwords",
        "address": "du sie tu vous first-name",
    }.items()
    for word in words.split()
}
OCCUPATIONS = several(
    "nurse chef cook pilot judge coach guide clerk monk spy vet temp intern diver priest maid midwife analyst scientist "
    "developer "
    "programmer engineer teacher professor lawyer doctor author writer paralegal cto ceo freelancer"
)
STATES = {
    word: name
    for name, words in {
        "handed": "left-handed right-handed ambidextrous",
        "family status": "married single engaged widowed",
        "work status": "retired self-employed unemployed freelance",
        "level": "beginner novice newbie expert intermediate",
        "native": "native bilingual",
        "resident": "resident citizen",
        "parent": "parent",
    }.items()
    for word in words.split()
}
# Nouns of "my X is ..." that last whatever is said of them; of others the value has to look like a name or a number.
ATTRIBUTES = several(
    "budget timezone birthday anniversary goal aim target major university hobby hobbies instrument nickname pronouns sign "
    "hometown tongue "
    "motto diet username handle codename codeword mascot color colour"
)
THINGS = several(
    "garden balcony car bike motorcycle boat piano guitar violin allotment camper van caravan kids children cats dogs "
    "chickens bees "
    "horses siblings brothers sisters oven bakery shop cafe restaurant business startup newsletter blog podcast channel farm "
    "pool sauna "
    "degree phd master mba bachelor doctorate diploma laptop house apartment flat"
)
SCHOOLS = several("university college school institute academy polytechnic eth mit uni lyceum conservatory gymnasium")
UNITS = several(
    "metric imperial si us-customary customary american celsius fahrenheit kelvin kilometers kilometres miles kilograms pounds"
)
CLOCKS = {"24-hour": "clock", "12-hour": "clock", "24h": "clock", "12h": "clock"}
ANSWERS = several(
    "answer answers reply replies response responses explanation explanations output outputs message messages summaries it things"
)
