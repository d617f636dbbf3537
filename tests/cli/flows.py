"""Flow documents for the tests of the command line; their tasks are those of ``shop``."""

ORDER = """\
podium: 1
name: order
uses: [shop]
input: {items: [integer], gift: {type: boolean, default: false}}
nodes:
  fetched: {for_each: "${input.items}", as: n, nodes: {one: {call: fetch, args: {n: "${n}"}}}, output: "${one}"}
  card: {when: input.gift, call: write, args: {what: card}}
  route:
    switch:
      - {when: "size(fetched) > 2", nodes: {many: {call: write, args: {what: many}}}, output: "${many}"}
      - {else: true, nodes: {few: {call: write, args: {what: few}}}, output: "${few}"}
output: {card: "${card?}", route: "${route}", items: "${fetched}"}
"""

TURNS = """\
podium: 1
uses: [shop]
nodes:
  route: {switch: [{when: size(totals) > 0, nodes: {last: {call: fetch, args: {n: 1}}}, output: "${last}"}]}
  totals: {for_each: "${files}", nodes: {one: {call: fetch, args: {n: "${item}"}}}, output: "${one}"}
  files: {for_each: [1, 2, 3], nodes: {one: {call: fetch, args: {n: "${item}"}}}, output: "${one}"}
output: "${route?}"
"""

PAID = """\
podium: 1
uses: [shop]
nodes:
  before: {call: write, args: {what: before}}
  paid: {wait: {signal: paid}, after: before}
  after: {call: write, args: {what: after}, after: paid}
output: "${paid}"
"""

SLOW = """\
podium: 1
uses: [shop]
nodes:
  before: {call: write, args: {what: before}}
  rounds:
    after: before
    until: loop.pass == 2
    max: 3
    nodes: {go: {call: told_to_go}}
  after: {call: write, args: {what: after}, after: rounds}
output: "${after}"
"""

FAILS = """\
podium: 1
uses: [shop]
nodes:
  first: {call: fetch, args: {n: 7}}
  refused: {call: refuse, args: {n: "${first}"}}
  never: {call: write, args: {what: "no ${refused}"}}
"""

WRONG = """\
podium: 1
uses: [shop]
nodes:
  a: {call: ftch, args: {n: 1}}
  b: {call: fetch, args: {m: "${a}"}}
output: ${c}
"""

CIRCLE = """\
podium: 1
nodes:
  a: {set: "${b}"}
  b: {set: "${a}"}
"""
