"""Documents with what is found in them: the code, the path, and a part of the message and hint.

The tasks are those of docs/findings.md. Each document is sound but for what is listed.
"""

from __future__ import annotations

Case = tuple[str, str, list[tuple[str, str, str]]]

CASES: list[Case] = [
    # --- names
    (
        "a node of another case",
        """
        input: {n: integer}
        nodes:
          route:
            switch:
              - {when: input.n > 3, nodes: {big: {set: 3}}, output: "${big}"}
              - {else: true, nodes: {small: {set: "${big}"}}, output: "${small}"}
        output: "${route}"
        """,
        [("unknown-name", "$.nodes.route.switch[1].nodes.small.set", "another case of 'route'")],
    ),
    (
        "a node within a body, from outside",
        """
        nodes:
          all: {for_each: [1], nodes: {one: {set: "${item}"}}, output: "${one}"}
        output: ["${all}", "${one}"]
        """,
        [("unknown-name", "$.output[1]", "stands within 'all'")],
    ),
    (
        "an item outside of its for_each",
        """
        nodes:
          all: {for_each: [1], as: n, nodes: {one: {set: "${n}"}}, output: "${one}"}
        output: ["${all}", "${n}", "${item}"]
        """,
        [
            ("unknown-name", "$.output[1]", "'n' is an item of 'all'"),
            ("unknown-name", "$.output[2]", "'item' is known within a for_each only"),
        ],
    ),
    (
        "loop outside of a loop, and what it does not have",
        """
        nodes:
          all: {for_each: [1], nodes: {one: {set: "${loop.pass + item}"}}, output: "${one}"}
        output: ["${all}", "${loop.pass}"]
        """,
        [
            ("unknown-field", "$.nodes.all.nodes.one.set", "'pass'"),
            ("unknown-name", "$.output[1]", "for_each, while and until only"),
        ],
    ),
    (
        "a field that the state does not have",
        """
        nodes:
          draft:
            until: loop.pass > 2
            max: 5
            state: {text: ""}
            nodes: {more: {set: "${loop.state.txt}!"}}
            next: {text: "${more}"}
            output: "${more}"
        output: "${draft}"
        """,
        [("unknown-field", "$.nodes.draft.nodes.more.set", "Did you mean 'text'")],
    ),
    (
        "a body's node before the pass",
        """
        nodes:
          poll:
            while: one.total > 3.0
            max: 5
            nodes: {one: {call: find_order, args: {id: A1}}}
        """,
        [("unknown-name", "$.nodes.poll.while", "not there yet when 'while' is evaluated")],
    ),
    (
        "a field of the input without its root",
        """
        input: {message: string}
        nodes: {}
        output: "${message}"
        """,
        [("unknown-name", "$.output", "Write 'input.message'")],
    ),
    (
        "after, on_error and outcome of nothing",
        """
        nodes:
          order: {call: find_order, args: {id: A1}, after: ordr, on_error: rescu}
        output: "${outcome.odrer.status}: ${order?.id ?? ''}"
        """,
        [
            ("unknown-name", "$.nodes.order.after", "Did you mean 'order'"),
            ("unknown-name", "$.nodes.order.on_error", "'rescu'"),
            ("unknown-name", "$.output", "Did you mean 'order'"),
        ],
    ),
    (
        "a handler that stands elsewhere",
        """
        nodes:
          mend: {set: 1}
          all:
            for_each: [1]
            nodes: {one: {call: find_order, args: {id: A1}, on_error: mend}}
            output: "${one? ?? mend}"
        output: "${all}"
        """,
        [("unknown-name", "$.nodes.all.nodes.one.on_error", "does not stand beside 'one'")],
    ),
    (
        "items of nested loops that are called the same",
        """
        nodes:
          rows:
            for_each: [[1], [2]]
            nodes:
              cells: {for_each: "${item}", nodes: {one: {set: "${item}"}}, output: "${one}"}
            output: "${cells}"
        output: "${rows}"
        """,
        [("shadowed-name", "$.nodes.rows.nodes.cells", "the item is called 'item'")],
    ),
    (
        "the same id in two cases, which do not see each other",
        """
        input: {n: integer}
        nodes:
          route:
            switch:
              - {when: input.n > 3, nodes: {one: {set: 3}}, output: "${one}"}
              - {else: true, nodes: {one: {set: 4}}, output: "${one}"}
        output: "${route}"
        """,
        [],
    ),
    (
        "the variable of a macro",
        """
        nodes:
          order: {call: find_order, args: {id: A1}}
        output: ["${order.id}", "${[1].map(order, order + 1)}"]
        """,
        [("shadowed-name", "$.output[1]", "hides")],
    ),
    # --- order
    (
        "a circle through a body",
        """
        nodes:
          a: {set: "${all}"}
          all: {for_each: [1], nodes: {one: {set: "${a}"}}, output: "${one}"}
        output: "${a}"
        """,
        [("cycle", "$.nodes.a", "a -> all (its one) -> a")],
    ),
    (
        "a circle through after and a condition",
        """
        nodes:
          a: {set: 1, after: b}
          b: {set: 1, when: "outcome.c.status == 'ok'"}
          c: {set: "${a}"}
        output: "${c?}"
        """,
        [("cycle", "$.nodes.a", "a -> b -> c -> a")],
    ),
    (
        "a node within a body that refers to the body's node",
        """
        nodes:
          all: {for_each: [1], nodes: {one: {set: "${all}"}}, output: "${one}"}
        output: "${all}"
        """,
        [("cycle", "$.nodes.all.nodes.one", "which it is a part of")],
    ),
    (
        "a handler that asks what happened is no circle",
        """
        nodes:
          pay: {call: send, args: {text: a}, on_error: mend}
          mend: {call: send, args: {text: "Failed: ${outcome.pay.error.message}"}}
        """,
        [],
    ),
    (
        "a node that waits for its own handler",
        """
        nodes:
          pay: {call: send, args: {text: "${mend? ?? ''}"}, on_error: mend}
          mend: {set: "text"}
        """,
        [("cycle", "$.nodes.pay", "pay -> mend -> pay")],
    ),
    # --- skips
    (
        "a reader under the same condition, within a body",
        """
        input: {id: string?}
        nodes:
          order: {when: input.id != null, call: find_order, args: {id: "${input.id}"}}
          all:
            when: "input.id != null && size(input.id) > 3"
            for_each: [1]
            nodes: {one: {set: "${order.id}"}}
            output: "${one} ${order.id}"
        output: "${all?}"
        """,
        [],
    ),
    (
        "a reader within the case that the condition makes",
        """
        input: {n: integer}
        nodes:
          big: {when: input.n > 3, set: big}
          small: {when: "!(input.n > 3)", set: small}
          route:
            switch:
              - {when: input.n > 3, nodes: {}, output: "${big}"}
              - {else: true, nodes: {}, output: "${small}"}
        output: "${route}"
        """,
        [],
    ),
    (
        "a join of two that exclude each other always has one",
        """
        input: {n: integer}
        nodes:
          big: {when: input.n > 3, set: big}
          small: {when: input.n <= 3, set: small}
          one: {join: any, set: "${big? ?? small?}"}
        output: "${one}"
        """,
        [],
    ),
    (
        "a node or its handler: one of both has a value",
        """
        nodes:
          order: {call: find_order, args: {id: A1}, on_error: mend}
          mend: {set: none}
          one: {join: any, set: "${order?.id ?? mend?}"}
        output: "${one}"
        """,
        [],
    ),
    (
        "a failure that the flow survives",
        """
        nodes:
          order: {call: find_order, args: {id: A1}, on_error: continue}
        output: "${order.id}"
        """,
        [("may-have-no-output", "$.output", "has no value where it fails ('on_error: continue')")],
    ),
    (
        "a handler in the output",
        """
        nodes:
          order: {call: find_order, args: {id: A1}, on_error: mend}
          mend: {set: 1}
        output: ["${order?}", "${mend}"]
        """,
        [("may-have-no-output", "$.output[1]", "runs only where 'order' has failed")],
    ),
    (
        "a switch without else",
        """
        input: {n: integer}
        nodes:
          route: {switch: [{when: input.n > 3, nodes: {one: {set: 1}}, output: "${one}"}]}
        output: "${route}"
        """,
        [("may-have-no-output", "$.output", "is skipped where no case holds (it has no else)")],
    ),
    (
        "a while that may have no pass",
        """
        input: {n: integer}
        nodes:
          sum:
            while: loop.state.left > 0
            max: 9
            state: {left: "${input.n}"}
            nodes: {less: {set: "${loop.state.left - 1}"}}
            next: {left: "${less}"}
            output: "${less}"
        output: "${sum}"
        """,
        [("may-have-no-output", "$.output", "has no value where no pass is run")],
    ),
    (
        "a while whose first pass is certain",
        """
        nodes:
          sum:
            while: loop.state.left > 0
            max: 9
            state: {left: 3}
            nodes: {less: {set: "${loop.state.left - 1}"}}
            next: {left: "${less}"}
            output: "${less}"
        output: "${sum}"
        """,
        [],
    ),
    (
        "a chain of readers, up to the case that loses its output",
        """
        input: {n: integer}
        nodes:
          route:
            switch:
              - when: input.n > 3
                nodes:
                  some: {when: input.n > 9, set: 1}
                  more: {set: "${some + 1}"}
                output: "${more}"
              - {else: true, nodes: {}}
        output: "${route?}"
        """,
        [
            (
                "may-be-skipped",
                "$.nodes.route.switch[0].output",
                "'more', which needs 'some', which is skipped where 'input.n > 9' does not hold: 'route' is skipped then",
            )
        ],
    ),
    (
        "what is carried over to the next pass",
        """
        nodes:
          draft:
            until: loop.pass > 2
            max: 5
            state: {text: ""}
            nodes: {more: {when: "loop.state.text != 'a'", set: "${loop.state.text}!"}}
            next: {text: "${more}"}
        """,
        [("may-have-no-value", "$.nodes.draft.next.text", "'next' needs 'more'")],
    ),
    (
        "a node that fails has no value",
        """
        input: {n: integer}
        nodes:
          stop: {when: input.n > 3, fail: too many, on_error: continue}
        output: "${stop}"
        """,
        [("may-have-no-output", "$.output", "'stop', which is skipped where 'input.n > 3'")],
    ),
    (
        "a reader that is skipped along, far from any output",
        """
        input: {id: string?}
        nodes:
          order: {when: input.id != null, call: find_order, args: {id: "${input.id}"}}
          text: {call: write_text, args: {order: "${order}"}}
          tell: {call: send, args: {text: "${text}"}}
        """,
        [],
    ),
    # --- joins
    (
        "a join of more than there are",
        """
        nodes:
          a: {set: 1}
          b: {join: 2, set: "${a?}"}
        output: "${b?}"
        """,
        [("unreachable", "$.nodes.b.join", "it has 1 dependency, and joins 2")],
    ),
    (
        "a join of all by their number needs no mark",
        """
        nodes:
          a: {call: find_order, args: {id: A1}}
          b: {call: find_order, args: {id: B2}}
          both: {join: 2, set: "${a.id + b.id}"}
        output: "${both}"
        """,
        [],
    ),
    (
        "a join of effects that goes on with the rest",
        """
        nodes:
          a: {call: send, args: {text: a}}
          b: {call: send, args: {text: b}}
          first: {join: {of: any, rest: continue}, after: [a, b], wait: 1s}
        """,
        [],
    ),
    # --- types
    (
        "results of every kind reach their readers",
        """
        input: {ids: [string], n: integer?}
        nodes:
          all: {for_each: "${input.ids}", as: id, nodes: {one: {call: find_order, args: {id: "${id}"}}}, output: "${one}"}
          some: {for_each: "${input.ids}", as: id, partial: true, nodes: {two: {call: find_order, args: {id: "${id}"}}}, output: "${two}"}
          answer: {ask: "Which?", form: {nth: integer}, timeout: 1d, on_timeout: {nth: 0}}
          paid: {wait: {signal: paid, type: {amount: number}}, timeout: 1d}
          pause: {wait: 10ms}
          given: {set: {first: "${all[0].id}", text: "${string(answer.nth)}"}}
        output:
          - "${all[answer.nth].totl}"
          - "${some[0].valu}"
          - "${paid.amont}"
          - "${given.frst}"
          - "${pause}"
        """,
        [
            ("unknown-field", "$.output[0]", "Did you mean 'total'"),
            ("unknown-field", "$.output[1]", "Did you mean 'value'"),
            ("unknown-field", "$.output[2]", "Did you mean 'amount'"),
            ("unknown-field", "$.output[3]", "Did you mean 'first'"),
        ],
    ),
    (
        "a word that the parameter does not know",
        """
        nodes:
          order: {call: find_order, args: {id: A1}}
          text: {call: write_text, args: {order: "${order}", tone: hot}}
        output: "${text}"
        """,
        [("misfit", "$.nodes.text.args.tone", '"hot" is not one of')],
    ),
    (
        "an object without a field that is needed",
        """
        nodes:
          order: {set: {id: A1, total: 3.5}}
          text: {call: write_text, args: {order: "${order}"}}
        output: "${text}"
        """,
        [("misfit", "$.nodes.text.args.order", "it is without the field 'coupon'")],
    ),
    (
        "conditions and lists that are none",
        """
        input: {n: integer, maybe: boolean?}
        nodes:
          a: {when: input.n, set: 1}
          b: {when: input.maybe, set: 1}
          c: {for_each: "${input.n}", nodes: {one: {set: "${item}"}}, output: "${one}"}
        output: ["${a?}", "${b?}", "${c}"]
        """,
        [
            (
                "misfit",
                "$.nodes.a.when",
                "'when' does not fit: it is an integer, and a bool is asked for",
            ),
            ("may-not-fit", "$.nodes.b.when", "it may be null"),
            ("misfit", "$.nodes.c.for_each", "and a list is asked for"),
        ],
    ),
    (
        "an argument that may be null, guarded or not",
        """
        nodes:
          order: {call: find_order, args: {id: A1}}
          one: {call: use_coupon, args: {coupon: "${order.coupon}"}}
          two: {when: order.coupon != null, call: use_coupon, args: {coupon: "${order.coupon}"}}
          three: {call: use_coupon, args: {coupon: "${order.coupon ?? ''}"}}
        output: ["${one}", "${two?}", "${three}"]
        """,
        [("may-not-fit", "$.nodes.one.args.coupon", "it may be null, and a string is asked for")],
    ),
    (
        "a state that keeps its type",
        """
        nodes:
          count:
            until: loop.state.n > 3
            max: 9
            state: {n: 0, id: A1}
            nodes: {one: {call: find_order, args: {id: "${loop.state.id}"}}}
            next: {n: "${loop.state.n + 1}", id: "${one.id}"}
            output: "${loop.state.m}"
        output: "${count}"
        """,
        [("unknown-field", "$.nodes.count.output", "'m'")],
    ),
    # --- flows within
    (
        "a flow in place: its own faults, its arguments, its result",
        """
        nodes:
          ship:
            flow:
              input: {id: string, fast: boolean?}
              nodes: {order: {call: find_order, args: {id: "${input.idd}"}}}
              output: {order: "${order}"}
            args: {id: 3, slow: true}
        output: "${ship.ordr}"
        """,
        [
            ("unknown-argument", "$.nodes.ship.args.slow", "takes no 'slow'"),
            ("misfit", "$.nodes.ship.args.id", "3 is not of type"),
            ("unknown-field", "$.nodes.ship.flow.nodes.order.args.id", "Did you mean 'id'"),
            ("unknown-field", "$.output", "Did you mean 'order'"),
        ],
    ),
    (
        "a task where a workflow is named, and the other way round",
        """
        nodes:
          order: {flow: find_order, args: {id: A1}}
        output: "${order}"
        """,
        [
            (
                "unknown-workflow",
                "$.nodes.order.flow",
                "'find_order' is a task: write 'call: find_order'",
            )
        ],
    ),
    # --- policies
    (
        "a task that undoes, with nothing to go by",
        """
        nodes:
          order: {call: find_order, args: {id: A1}}
          pay: {call: charge, args: {order: "${order}"}, compensate: refund}
          again: {call: charge, args: {order: "${order}"}, compensate: {call: refund, args: {receipt: "${again}"}}}
          wrong: {call: charge, args: {order: "${order}"}, compensate: {call: refund, args: {receipt: "${order}"}}}
          gone: {call: charge, args: {order: "${order}"}, compensate: refnd}
        """,
        [
            (
                "missing-argument",
                "$.nodes.pay.compensate",
                "'refund' needs 'receipt', which 'pay' has not",
            ),
            (
                "misfit",
                "$.nodes.wrong.compensate.args.receipt",
                "an object, and a string is asked for",
            ),
            ("unknown-task", "$.nodes.gone.compensate", "Did you mean 'refund'"),
        ],
    ),
    # --- in vain
    (
        "cases behind one that always holds, or holds already",
        """
        input: {n: integer}
        nodes:
          a: {switch: [{when: "true", nodes: {}, output: 1}, {else: true, nodes: {}, output: 2}]}
          b: {switch: [{when: input.n > 3, nodes: {}, output: 1}, {when: input.n > 3, nodes: {}, output: 2}, {else: true, nodes: {}}]}
        output: ["${a}", "${b}"]
        """,
        [
            ("constant-condition", "$.nodes.a.switch[0].when", "no case behind it is ever taken"),
            ("unreachable", "$.nodes.b.switch[1].when", "this case is never taken"),
        ],
    ),
    (
        "loops that never end, or never begin",
        """
        nodes:
          a: {while: "true", max: 3, nodes: {}}
          b: {while: "false", max: 3, nodes: {}}
          c: {until: "true", max: 3, nodes: {}}
        """,
        [
            ("never-ends", "$.nodes.a.while", "after 3 passes it fails with 'max-passes'"),
            ("constant-condition", "$.nodes.b.while", "there is no pass"),
            ("constant-condition", "$.nodes.c.until", "there is one pass"),
        ],
    ),
]
