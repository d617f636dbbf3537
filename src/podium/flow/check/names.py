"""Names: what each reference is about, and what no reference may be about."""

from __future__ import annotations

from podium.flow.check.layout import Entry, Layout, Read, Scope
from podium.flow.check.notes import Code, Mention, Notes, mentions_in
from podium.flow.model import After, Switch


class Names:
    """Follows the references of a document, and says which lead nowhere."""

    def __init__(self, layout: Layout, notes: Notes) -> None:
        self._layout = layout
        self._notes = notes

    def follow(self) -> None:
        """Join nodes with those they refer to, and take note of unknown and hidden names."""
        for entry in self._layout.entries:
            self._hides(entry)
        for read in self._layout.reads:
            for mention in mentions_in(read.value, read.at):
                self._mention(read, mention)
        for entry in self._layout.entries:
            for after in entry.node.after:
                self._after(entry, after)
            if entry.node.handler is not None:
                self._handler(entry, entry.node.handler)

    # what is hidden ---------------------------------------------------------------------

    def _hides(self, entry: Entry) -> None:
        outside = entry.scope.parent
        if outside is not None and outside.find(entry.id) is not None:
            message = f"{entry.id!r} is the name of something around it already."
            self._notes.error(
                entry.position, "shadowed-name", entry.node.at, message, "Choose another id."
            )
        for inner in entry.scopes:
            frame = inner.parent
            if frame is None or not frame.item or entry.scope.find(frame.item) is None:
                continue
            message = (
                f"the item is called {frame.item!r}, which is the name of something around it."
            )
            hint = "Name the item: 'as: …'."
            self._notes.error(entry.position, "shadowed-name", entry.node.at, message, hint)

    # references -------------------------------------------------------------------------

    def _mention(self, read: Read, mention: Mention) -> None:
        reference = mention.reference
        if reference.root == "env":
            self._variable(read, mention)
        elif reference.root == "loop":
            if read.scope.loop() is None:
                self._unknown(read, mention)
        elif reference.root != "input":
            found = read.scope.find(reference.node)
            if isinstance(found, Entry):
                self._join(read, mention, found)
            elif found is None or reference.is_outcome:
                self._unknown(read, mention)

    def _variable(self, read: Read, mention: Mention) -> None:
        reference = mention.reference
        declared = self._layout.document.env
        if not reference.path or reference.path[0] in declared:
            return
        name = reference.path[0]
        message = f"the flow declares no variable {name!r}."
        hint = self._notes.near(name, declared) or f"Declare it: 'env: {{{name}: null}}'."
        self._note(read, mention, "unknown-env", message, hint)

    def _join(self, read: Read, mention: Mention, found: Entry) -> None:
        """Take note of what a reference makes wait."""
        reader = read.reader
        if read.word == "compensate":
            if reader is not None and reader is not found:
                found.readers.add(reader)
            return
        if found is reader and read.word.startswith("verify"):
            return  # its own value is there when its gates are asked
        is_inner = read.is_within and found.scope is read.scope
        found.is_kept = found.is_kept or is_inner
        if reader is not None and not is_inner:
            # What is read within a body, or at its end, does not keep the node from starting.
            is_plain = mention.is_plain and not read.is_within
            reader.needs[found] = reader.needs.get(found, False) or is_plain
        self._wait(found, read.scope, reader)

    def _wait(self, found: Entry, scope: Scope, reader: Entry | None) -> None:
        part = found.scope.part_of(scope, reader)
        # What a body gives waits for the nodes in it; that is no waiting of the node around it.
        if part is not None and reader is not None:
            part.waits.setdefault(found, reader)
            if part is not found:
                found.readers.add(part)

    def _after(self, entry: Entry, after: After) -> None:
        found = entry.scope.find(after.node)
        if isinstance(found, Entry):
            is_plain = not (after.is_optional or entry.node.join.takes_any_end)
            entry.needs[found] = entry.needs.get(found, False) or is_plain
            self._wait(found, entry.scope, entry)
            return
        message, hint = self._explain(after.node, entry.scope, "")
        at = f"{entry.node.at}.after"
        self._notes.error(entry.position, "unknown-name", at, message, hint)

    def _handler(self, entry: Entry, handler: str) -> None:
        found = entry.scope.entries.get(handler)
        at = f"{entry.node.at}.on_error"
        if found is None:
            if isinstance(entry.scope.find(handler), Entry):
                message = f"{handler!r} does not stand beside {entry.id!r}, whose failure it is to handle."
                hint = "Move it into the same 'nodes'."
            else:
                message, hint = self._explain(handler, entry.scope, "")
            hint = hint or "Write fail, continue, or the id of a node."
            self._notes.error(entry.position, "unknown-name", at, message, hint)
        elif found is entry:
            message = f"{handler!r} cannot handle its own failure."
            self._notes.error(entry.position, "cycle", at, message, "Name another node.")
        else:
            found.handles.append(entry)
            found.waits.setdefault(entry, found)
            found.readers.add(entry)
            entry.readers.add(found)

    # unknown names ----------------------------------------------------------------------

    def _unknown(self, read: Read, mention: Mention) -> None:
        reference = mention.reference
        message, hint = self._explain(reference.node, read.scope, read.word)
        if reference.is_outcome and reference.node in read.scope.names():
            message = f"{reference.node!r} is an item: only nodes have an outcome."
            hint = ""
        self._note(read, mention, "unknown-name", message, hint)

    def _note(self, read: Read, mention: Mention, code: Code, message: str, hint: str) -> None:
        self._notes.error(read.position, code, mention.at, message, hint, column=mention.column)

    def _explain(self, name: str, scope: Scope, word: str) -> tuple[str, str]:
        """Say why a name is not known here, and what to write."""
        if name == "loop":
            return "'loop' is known within for_each, while and until only.", ""
        elsewhere = self._layout.by_id.get(name)
        if elsewhere:
            return _out_of_sight(name, elsewhere[0], scope, word)
        item_of = self._layout.items.get(name)
        if item_of is not None:
            return f"{name!r} is an item of {item_of.id!r}, and is known within it only.", ""
        if name == "item":
            return "'item' is known within a for_each only.", ""
        fields = self._layout.document.input.schema.get("properties", {})
        if name in fields:
            return f"there is no {name!r} here.", f"Write 'input.{name}'."
        if name in self._layout.document.env:
            return f"there is no {name!r} here.", f"Write 'env.{name}'."
        return f"there is no {name!r} here.", self._notes.near(name, scope.names())


def _out_of_sight(name: str, entry: Entry, scope: Scope, word: str) -> tuple[str, str]:
    """Say where a node stands that is not seen from here."""
    owner = entry.scope.owner
    assert owner is not None, "what stands in the flow itself is seen everywhere"
    if word in {"while", "key"} and scope.owner is owner:
        hint = "Use 'until', or carry it over in 'next'." if word == "while" else ""
        return f"{name!r} is not there yet when {word!r} is evaluated.", hint
    around: Scope | None = scope
    while around is not None:
        if around.owner is owner and isinstance(owner.node.work, Switch):
            text = f"{name!r} stands in another case of {owner.id!r}; cases do not see each other."
            return text, f"Give it a place outside of {owner.id!r}, or take it into this case."
        around = around.parent
    text = f"{name!r} stands within {owner.id!r}, and is not seen from here."
    return text, f"Give it in the output of {owner.id!r}, and refer to that."
