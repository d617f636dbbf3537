"""For each pattern: what is seen of its document, and changes of the document that break it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from tests.flow.patterns.stage import Play


class Pattern(NamedTuple):
    """A pattern that a document can say.

    Attributes:
        plays: What happens to its document.
        wrong: Changes (this, by that) after which at least one of the plays is not kept.
    """

    plays: tuple[Play, ...]
    wrong: tuple[tuple[str, str], ...]


BASIC: Final[Mapping[int, Pattern]] = {
    1: Pattern(
        (
            Play("""
                start | +pick
                pick  | -pick +pack
                pack  | -pack +ship
                ship  | -ship succeeded
            """),
        ),
        ((", after: pack", ""), (', args: {item: "${pick}"}', "")),
    ),
    2: Pattern(
        (
            Play("""
                start   | +pay
                pay     | -pay +invoice +pack
                pack    | -pack
                invoice | -invoice succeeded
            """),
        ),
        (("{call: pack, after: pay}", "{call: pack, after: invoice}"),),
    ),
    3: Pattern(
        (
            Play("""
                start   | +invoice +pack
                pack    | -pack
                invoice | -invoice +ship
                ship    | -ship succeeded
            """),
        ),
        (
            ("after: [invoice, pack]", "after: pack"),
            ("after: [invoice", "join: any, after: [invoice"),
        ),
    ),
    4: Pattern(
        (
            Play(
                """
                start         | +total
                total         | -total +route/approve
                route/approve | -route/approve succeeded
                """,
                values={"total": 150},
            ),
            Play(
                """
                start        | +total
                total        | -total +route/accept
                route/accept | -route/accept succeeded
                """,
                values={"total": 5},
            ),
        ),
        (
            ("  route:", "  review2: {call: review, when: total > 10}\n  route:"),
            ("when: total > 10,", "when: total > 1,"),
        ),
    ),
    5: Pattern(
        (
            Play(
                """
                start        | +letter/thank
                letter/thank | -letter/thank +post
                post         | -post succeeded
                """,
                given={"paid": True},
                gives="thank",
            ),
            Play(
                """
                start         | +letter/remind
                letter/remind | -letter/remind +post
                post          | -post succeeded
                """,
                given={"paid": False},
                gives="remind",
            ),
        ),
        ((', args: {item: "${letter}"}', ""), ('output: "${remind}"', "output: null")),
    ),
}

BRANCHING: Final[Mapping[int, Pattern]] = {
    6: Pattern(
        (
            Play(
                """
                start  | +alarm
                alarm  | -alarm +fire +doctor
                doctor | -doctor
                fire   | -fire succeeded
                """,
                values={"alarm": {"theft": False, "smoke": True, "injured": 2}},
            ),
            Play(
                """
                start | +alarm
                alarm | -alarm succeeded
                """,
                values={"alarm": {"theft": False, "smoke": False, "injured": 0}},
            ),
        ),
        (
            (", when: alarm.injured > 0", ", after: fire"),
            (", when: alarm.theft", ", after: alarm"),
        ),
    ),
    7: Pattern(
        (
            Play(
                """
                start  | +alarm
                alarm  | -alarm +police +fire
                fire   | -fire
                police | -police +report
                report | -report succeeded
                """,
                values={"alarm": {"theft": True, "smoke": True}},
            ),
            Play(
                """
                start  | +alarm
                alarm  | -alarm +fire
                fire   | -fire +report
                report | -report succeeded
                """,
                values={"alarm": {"theft": False, "smoke": True}},
            ),
        ),
        (('["police?", "fire?"]', "[police, fire]"), ('["police?", "fire?"]', '["fire?"]')),
    ),
    8: Pattern(
        (
            Play("""
                start        | +ways[0]/send +ways[1]/send
                ways[1]/send | -ways[1]/send +ways[1]/note
                ways[1]/note | -ways[1]/note
                ways[0]/send | -ways[0]/send +ways[0]/note
                ways[0]/note | -ways[0]/note succeeded
            """),
        ),
        ((', args: {item: "${send}"}', ""),),
    ),
    9: Pattern(
        (
            Play("""
                start  | +north +south
                south  | -south +answer
                north  | -north
                answer | -answer succeeded
            """),
        ),
        (("join: {of: any, rest: continue}", "join: all"), (", rest: continue", "")),
    ),
    29: Pattern(
        (
            Play("""
                start  | +north +south
                south  | -south ~north +answer
                answer | -answer succeeded
            """),
        ),
        (("join: any", "join: all"), ("join: any", "join: {of: any, rest: continue}")),
    ),
    30: Pattern(
        (
            Play("""
                start  | +ann +bo +cy
                cy     | -cy
                ann    | -ann +decide
                decide | -decide
                bo     | -bo succeeded
            """),
        ),
        (("of: 2", "of: 1"), ("of: 2", "of: 3"), (", rest: continue", "")),
    ),
    32: Pattern(
        (
            Play("""
                start  | +ann +bo +cy
                cy     | -cy
                ann    | -ann ~bo +decide
                decide | -decide succeeded
            """),
        ),
        (("join: 2", "join: 1"), ("join: 2", "join: {of: 2, rest: continue}")),
    ),
}

STRUCTURE: Final[Mapping[int, Pattern]] = {
    10: Pattern(
        (
            Play(
                """
                start                | +book[1]/place/draft
                book[1]/place/draft  | -book[1]/place/draft +book[2]/place/review
                book[2]/place/review | -book[2]/place/review +book[3]/place/draft
                book[3]/place/draft  | -book[3]/place/draft +book[4]/place/review
                book[4]/place/review | -book[4]/place/review +book[5]/place/print
                book[5]/place/print  | -book[5]/place/print +book[6]/place/review
                book[6]/place/review | -book[6]/place/review +book[7]/place/print
                book[7]/place/print  | -book[7]/place/print succeeded
                """,
                values={
                    "book[1]/place/draft": True,
                    "book[2]/place/review": False,
                    "book[3]/place/draft": True,
                    "book[4]/place/review": True,
                    "book[5]/place/print": False,
                    "book[6]/place/review": True,
                    "book[7]/place/print": True,
                },
            ),
            Play(
                """
                start                | +book[1]/place/review
                book[1]/place/review | -book[1]/place/review +book[2]/place/draft
                book[2]/place/draft  | -book[2]/place/draft succeeded
                """,
                given={"at": "review"},
                values={"book[1]/place/review": False, "book[2]/place/draft": False},
            ),
        ),
        (("'print' : 'draft'", "'draft' : 'print'"), ("'end' : 'review'", "'end' : 'end'")),
    ),
    11: Pattern(
        (
            Play("""
                start | +pay
                pay   | -pay +ship +thank
                ship  | -ship
                thank | -thank succeeded
            """),
        ),
        (("  thank: {", "  end: {set: 1, join: any, after: [ship, thank]}\n  thank: {"),),
    ),
    43: Pattern(
        (
            Play(
                """
                start | +drive +watch
                watch | -watch ~drive failed
                """,
                values={"watch": "stop"},
            ),
            Play(
                """
                start | +drive +watch
                watch | -watch
                drive | -drive succeeded
                """,
                values={"watch": "go"},
            ),
        ),
        (
            (", when: watch == 'stop'", ", after: watch"),
            ("when: watch == 'stop'", "on_error: continue, when: watch == 'stop'"),
        ),
    ),
    21: Pattern(
        (
            Play("""
                start         | +knock[1]/once
                knock[1]/once | -knock[1]/once +knock[2]/once
                knock[2]/once | -knock[2]/once +enter
                enter         | -enter succeeded
            """),
        ),
        ((", after: knock", ""), ("left: 2", "left: 3")),
    ),
    22: Pattern(
        (
            Play(
                """
                start            | +look
                look             | -look +deeper:walk:look
                deeper:walk:look | -deeper:walk:look +deeper:walk:back
                deeper:walk:back | -deeper:walk:back +back
                back             | -back succeeded
                """,
                given={"depth": 1},
            ),
        ),
        ((", after: deeper?", ", after: look"), (", after: look", "")),
    ),
}

INSTANCES: Final[Mapping[int, Pattern]] = {
    12: Pattern(
        (
            Play(
                """
                start          | +date
                date           | -date +invite[0]/send +invite[1]/send +book
                book           | -book
                invite[1]/send | -invite[1]/send
                invite[0]/send | -invite[0]/send succeeded
                """,
                given={"guests": ["ann", "bo"]},
            ),
        ),
        (("{call: book, after: date}", "{call: book, after: invite}"),),
    ),
    13: Pattern(
        (
            Play("""
                start            | +sign[0]/sign_off +sign[1]/sign_off +sign[2]/sign_off
                sign[2]/sign_off | -sign[2]/sign_off
                sign[0]/sign_off | -sign[0]/sign_off
                sign[1]/sign_off | -sign[1]/sign_off +publish
                publish          | -publish succeeded
            """),
        ),
        ((", after: sign", ""), ("[chair, clerk, judge]", "[chair, clerk]")),
    ),
    14: Pattern(
        (
            Play(
                """
                start         | +goods
                goods         | -goods +check[0]/look +check[1]/look
                check[1]/look | -check[1]/look
                check[0]/look | -check[0]/look +report
                report        | -report succeeded
                """,
                values={"goods": ["pot", "lamp"]},
                gives=["pot", "lamp"],
            ),
            Play(
                """
                start  | +goods
                goods  | -goods +report
                report | -report succeeded
                """,
                values={"goods": []},
            ),
        ),
        ((', args: {item: "${check}"}', ", after: goods"), ('"${goods}"', '"${[goods[0]]}"')),
    ),
    15: Pattern(
        (
            Play(
                """
                start           | +found
                found           | -found +work +more:desk:found
                more:desk:found | -more:desk:found +more:desk:work +more:desk:more:desk:found
                work            | -work
                more:desk:more:desk:found | -more:desk:more:desk:found
                more:desk:work  | -more:desk:work +more:desk:close
                more:desk:close | -more:desk:close +close
                close           | -close succeeded
                """,
                values={"found": 1, "more:desk:found": 2, "more:desk:more:desk:found": None},
            ),
        ),
        (
            ("more: {flow: take_in, when: found", "more: {flow: take_in, after: work, when: found"),
            ("after: [work, more]", "after: work"),
        ),
    ),
    26: Pattern(
        (
            Play("""
                start          | +search[0]/look +search[1]/look
                search[1]/look | -search[1]/look
                !found         | ~search[0]/look +home
                home           | -home succeeded
            """),
            Play("""
                start          | +search[0]/look +search[1]/look
                search[1]/look | -search[1]/look
                search[0]/look | -search[0]/look +home
                home           | -home succeeded
            """),
        ),
        (("join: any", "join: {of: any, rest: continue}"), ("join: any", "join: all")),
    ),
    27: Pattern(
        (
            Play(
                """
                start                | +find[1]/part[0]/look +find[1]/part[1]/look
                find[1]/part[1]/look | -find[1]/part[1]/look
                find[1]/part[0]/look | -find[1]/part[0]/look +find[2]/part[0]/look
                !stop                | ~find[2]/part[0]/look +tell
                tell                 | -tell succeeded
                """,
                gives=["attic", "cellar"],
            ),
        ),
        (("join: any", "join: all"), ("${part? ?? []}", "${['attic']}")),
    ),
}

STATE: Final[Mapping[int, Pattern]] = {
    16: Pattern(
        (
            Play("""
                start         |
                !revoked      | +first/restock
                !paid         |
                first/restock | -first/restock succeeded
            """),
            Play("""
                start      |
                !paid      | +first/ship
                !revoked   |
                first/ship | -first/ship succeeded
            """),
        ),
        (("join: any", "join: all"), ("- {when: outcome.paid.status == 'ok'", "- {when: true")),
    ),
    17: Pattern(
        (
            Play("""
                start         |
                !next '"talk"'  |
                !next '"blood"' | +visit[2]/exam
                !next '"eyes"'  |
                visit[2]/exam | -visit[2]/exam +visit[3]/exam
                visit[3]/exam | -visit[3]/exam
                !next '"eyes"'  |
                !next '"talk"'  | +visit[5]/exam
                visit[5]/exam | -visit[5]/exam succeeded
            """),
        ),
        (
            (" && (who != 'talk' || !('blood' in loop.state.left))", ""),
            ("who in loop.state.left && ", ""),
        ),
    ),
    40: Pattern(
        (
            Play(
                """
                start         | +plan
                plan          | -plan +visit[0]/exam
                visit[0]/exam | -visit[0]/exam +visit[1]/exam
                visit[1]/exam | -visit[1]/exam succeeded
                """,
                values={"plan": ["eyes", "blood"]},
            ),
        ),
        (("concurrency: 1", "concurrency: 2"),),
    ),
    18: Pattern(
        (
            Play("""
                start   | +accept
                !change |
                accept  | -accept +pack +adapt
                pack    | -pack
                adapt   | -adapt +ship
                ship    | -ship succeeded
            """),
            Play("""
                start   | +accept
                accept  | -accept +pack
                !change | +adapt
                adapt   | -adapt
                pack    | -pack +ship
                ship    | -ship succeeded
            """),
            Play("""
                start   | +accept
                accept  | -accept +pack
                pack    | -pack +ship
                !change |
                ship    | -ship succeeded
            """),
        ),
        (
            ("change: {wait: {signal: change}, after: accept}", "change: {wait: {signal: change}}"),
            (" when: outcome.change.status == 'ok',", ""),
            ("join: any", "join: all"),
        ),
    ),
    24: Pattern(
        (
            Play("""
                start    | +fuel
                !cleared |
                fuel     | -fuel +fly
                fly      | -fly succeeded
            """),
            Play("""
                start    | +fuel
                fuel     | -fuel
                !cleared | +fly
                fly      | -fly succeeded
            """),
        ),
        ((", after: fuel", ""), (", after: cleared", ", after: fuel")),
    ),
}

CANCELLATION: Final[Mapping[int, Pattern]] = {
    19: Pattern(
        (
            Play("""
                start | +search
                !stop | ~search +home
                home  | -home succeeded
            """),
            Play("""
                start  | +search
                search | -search +home
                !stop  |
                home   | -home succeeded
            """),
        ),
        (("join: any", "join: {of: any, rest: continue}"), ("join: any", "join: all")),
    ),
    20: Pattern(
        (
            Play("""
                start  | +flight +hotel
                flight | -flight
                cancel | ~hotel +compensate/flight
                compensate/flight | -compensate/flight cancelled
            """),
        ),
        ((", compensate: give_back", ""), (", after: hotel", "")),
    ),
    25: Pattern(
        (
            Play("""
                start | +news +trip/flight
                !stop | ~trip/flight +home
                news  | -news
                home  | -home succeeded
            """),
            Play("""
                start       | +news +trip/flight
                trip/flight | -trip/flight +trip/hotel
                !stop       | ~trip/hotel +home
                home        | -home
                news        | -news succeeded
            """),
        ),
        (("join: any", "join: {of: any, rest: continue}"), ("[trip, stop]", "[trip, stop, news]")),
    ),
}

PATTERNS: Final[Mapping[int, Pattern]] = {
    **BASIC, **BRANCHING, **STRUCTURE, **INSTANCES, **STATE, **CANCELLATION,
}  # fmt: skip
