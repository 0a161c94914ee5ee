#!/usr/bin/env python3
"""A second verifier of packages, written from docs/package-format.md and sharing no code with tickmark.

    verify.py PACKAGE --preparer KEY --reviewer KEY [--ledger-key KEY] [--ledger FILE] [--since FILE] [--proof FILE]
    verify.py PACKAGE --unsigned
    verify.py PACKAGE --disclosure ...        PACKAGE is what `tickmark disclose` took out
    verify.py --ledger FILE [--ledger-key KEY] [--since FILE]

PACKAGE is a folder or a .tar.gz. A KEY is a file with a public Ed25519 key, OpenSSH or PEM, that you had from its owner. Each
preparer and reviewer that is named must have signed; with --ledger-key the run must stand in a ledger that this key signed.
--since is a receipt (attest/ledger.json) or head that you kept; --proof proves the growth from it without the ledger.

Exit 0: all that was asked is proved. 4: refused, the reason is the last line. 2: usage, or something cannot be read.
Nothing is judged again: that needs tickmark. Needs Python 3.9; for signatures the package `cryptography`.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import csv
import hashlib
import hmac
import io
import json
import os
import re
import stat
import sys
import zlib
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Callable, Iterable, Iterator, Optional

MAX_FILES, MAX_BYTES, MAX_DEPTH = 200_000, 8 << 30, 64
MAX_INFLATED, MAX_RATIO = 256 << 20, 200
MAX_KEPT = 1 << 30  # of what must be held in memory: this program's own bound
MAX_NESTED = 100  # of JSON: likewise
PAYLOAD_TYPE = "application/vnd.in-toto+json"
TIME = re.compile(r"\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-6]\d(\.\d+)?Z\Z")
HEX = re.compile(r"[0-9a-f]{64}\Z")
VERDICTS = ("fail", "unknown", "waived", "pass", "not-applicable")  # worst first
REPORTS = ("assessment.json", "findings.ndjson", "report.html", "report.md")  # in every package, and signed by name
LISTS = ("register.csv",)  # under the root like the others; packages from before have none
# What a leaf holds, by its kind: the members of `open`, and of `closed` (those that must be there, what others may be called).
LEAVES = {
    "assessment": ("as_of as_of_from gate name outcome schema tool", "reason totals", r"\Z.\A"),
    "file": ("", "file", r"\Z.\A"),
    "control": (
        "control counts population population_complete severity sha256 status subject title", "file population_gaps", r"\Z.\A"),
    "parameter": ("control name", "parameter", r"\Z.\A"),
    "verdict": ("control verdict", "subject", r"(reason|evidence)\Z"),
    "finding": ("control severity verdict", "subject", r"(?s).*\Z"),
}


class Refused(Exception):
    """The package is not what it should be."""


class Unusable(Exception):
    """There is nothing to check, or nothing to check it with."""


def shown(text: str) -> str:
    """One line, whatever stands in the text."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)[:600]


def require(condition: bool, reason: str) -> None:
    if not condition:
        raise Refused(reason)


# JSON


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    require(len(found) == len(pairs), "a name stands twice in an object")
    return found


def _integer(digits: str) -> int:
    require(len(digits) < 18 and abs(int(digits)) < 1 << 53, "a number is not below 2^53")
    return int(digits)


def _never(what: str) -> Any:
    raise Refused(f"`{what[:40]}` is no integer")


def _ordered(value: Any, depth: int = 0) -> Any:
    """Names by their UTF-16 code units, as RFC 8785 has them."""
    require(depth < MAX_NESTED, "nested too deeply")
    if isinstance(value, dict):
        return {k: _ordered(value[k], depth + 1) for k in sorted(value, key=lambda k: k.encode("utf-16-be", "surrogatepass"))}
    if isinstance(value, list):
        return [_ordered(v, depth + 1) for v in value]
    return value


def canonical(value: Any) -> bytes:
    return json.dumps(_ordered(value), ensure_ascii=False, separators=(",", ":")).encode()


def parse(data: bytes, what: str, exact: bool = True) -> Any:
    """Strict JSON; `exact`: in canonical form and no other."""
    try:
        value = json.loads(
            data.decode(), object_pairs_hook=_object, parse_int=_integer, parse_float=_never, parse_constant=_never)
        again = canonical(value)
    except Refused as error:
        raise Refused(f"{what}: {error}") from None
    except (ValueError, RecursionError) as error:
        raise Refused(f"{what} is no JSON that can be read exactly ({type(error).__name__})") from None
    require(not exact or again == data, f"{what} is not canonical JSON")
    return value


def members(value: Any, what: str, **types: Any) -> list[Any]:
    """The members of an object that has these and no others."""
    require(isinstance(value, dict) and value.keys() == types.keys(), f"{what} must have exactly {', '.join(sorted(types))}")
    for name, kind in types.items():
        if isinstance(kind, str):
            require(value[name] == kind, f"{what}: `{name}` must be {kind}")
        else:
            kinds = kind if isinstance(kind, tuple) else (kind,)
            require(type(value[name]) in kinds, f"{what}: `{name}` is of another type")
    return [value[name] for name in types]


def digest(value: Any, what: str) -> bytes:
    require(isinstance(value, str) and HEX.match(value) is not None, f"{what} is not 64 hex digits")
    return bytes.fromhex(value)


def digests(value: Any, what: str) -> list[bytes]:
    require(isinstance(value, list) and len(value) <= 128, f"{what} is no list of digests")
    return [digest(entry, what) for entry in value]


def same(a: Any, b: Any) -> bool:
    """Equal as JSON: for Python, true is 1."""
    return canonical(a) == canonical(b)


# Trees: RFC 9162, section 2.1


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def leaf_hash(leaf: bytes) -> bytes:
    return sha256(b"\0", leaf)


def node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1", left, right)


class Tree:
    """Grows leaf by leaf; holds the roots of its full subtrees."""

    def __init__(self) -> None:
        self.size, self.full = 0, []  # type: int, list[bytes]

    def add(self, leaf: bytes) -> None:
        here, n = leaf_hash(leaf), self.size
        while n & 1:
            here, n = node(self.full.pop(), here), n >> 1
        self.full.append(here)
        self.size += 1

    def root(self) -> bytes:
        if not self.full:
            return sha256()
        here = self.full[-1]
        for left in reversed(self.full[:-1]):
            here = node(left, here)
        return here


def split(size: int) -> int:
    """The largest power of two below a size."""
    return 1 << (size - 1).bit_length() - 1


def leads(here: bytes, index: int, size: int, path: list[bytes]) -> Optional[bytes]:
    """2.1.3: the root to which a path leads from the hash of a leaf, if it is a path of this length."""
    if size <= 1 or not path:
        return here if (index, size, path) == (0, 1, []) else None
    *below, other = path
    if index < split(size):
        left = leads(here, index, split(size), below)
        return left and node(left, other)
    right = leads(here, index - split(size), size - split(size), below)
    return right and node(other, right)


def grown(m: int, n: int, old: Optional[bytes], path: list[bytes]) -> Optional[tuple[bytes, bytes]]:
    """2.1.4: the roots over m and over n leaves that a proof gives. Where the first m make one tree, its root is `old`."""
    if m == n and old:
        return None if path else (old, old)
    if m >= n or not path:
        return (path[0], path[0]) if m == n and len(path) == 1 else None
    *below, other = path
    if m <= split(n):
        roots = grown(m, split(n), old, below)
        return roots and (roots[0], node(roots[1], other))
    roots = grown(m - split(n), n - split(n), None, below)
    return roots and (node(other, roots[0]), node(other, roots[1]))


def grew(m: int, old: bytes, n: int, new: bytes, path: list[bytes]) -> bool:
    """Whether the tree of n leaves grew from that of m. Every tree grew from the empty one."""
    if m == 0:
        return not path and old == sha256() and (n > 0 or new == old)
    return grown(m, n, old, path) == (old, new)


# Reading: folders and archives


@dataclass
class Files:
    """What is there: length and digest of every file, and the bytes of those that are read."""

    found: dict[str, tuple[int, str]] = field(default_factory=dict)
    kept: dict[str, bytes] = field(default_factory=dict)
    total: int = 0
    held: int = 0

    def add(self, path: str, chunks: Iterable[bytes], keep: bool) -> None:
        require(path not in self.found, f"{path} stands twice")
        require(len(self.found) < MAX_FILES, f"more than {MAX_FILES} files")
        size, sha, held = 0, hashlib.sha256(), []
        for chunk in chunks:
            size += len(chunk)
            require(self.total + size <= MAX_BYTES, f"more than {MAX_BYTES} bytes")
            sha.update(chunk)
            if keep:
                require(self.held + size <= MAX_KEPT, f"more than {MAX_KEPT} bytes would have to be held in memory")
                held.append(chunk)
        self.found[path] = (size, sha.hexdigest())
        self.total += size
        if keep:
            self.held += size
            self.kept[path] = b"".join(held)

    def read(self, path: str) -> bytes:
        require(path in self.kept, f"{path} is missing")
        return self.kept[path]


def is_read(path: str) -> bool:
    return path in ("manifest.json", "disclosure.json", *REPORTS[:2]) or path.startswith(("populations/", "attest/"))


def utf8(data: bytes, what: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise Refused(f"{what} is not UTF-8") from None


def clean(path: str, what: str) -> str:
    parts = path.split("/")
    require(not {"", ".", ".."} & set(parts) and not {"\0", "\\"} & set(path), f"{what}: the path {path} is not allowed")
    require(len(parts) <= MAX_DEPTH + 1, f"{what}: {path[:80]}… is nested more than {MAX_DEPTH} deep")
    return path


def chunks_of(handle: BinaryIO, size: int = 1 << 20) -> Iterator[bytes]:
    while chunk := handle.read(size):
        yield chunk


def read_folder(top: str) -> Files:
    files, folders = Files(), [""]
    while folders:
        inside = folders.pop()
        with os.scandir(os.path.join(top, inside)) as entries:
            for entry in entries:
                path = utf8(os.fsencode(os.path.join(inside, entry.name)), "a file's name")
                clean(path, "the folder")
                if entry.is_dir(follow_symlinks=False):
                    folders.append(path)
                    require(len(folders) <= MAX_FILES, f"more than {MAX_FILES} folders")
                    continue
                require(entry.is_file(follow_symlinks=False), f"{path} is a link or a device")
                # What was looked at may have been exchanged since: neither followed nor waited for.
                opened = os.open(entry.path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
                with os.fdopen(opened, "rb") as handle:
                    require(stat.S_ISREG(os.fstat(opened).st_mode), f"{path} is a link or a device")
                    files.add(path, chunks_of(handle), is_read(path))
    return files


def inflate(handle: BinaryIO, compressed: int) -> Iterator[bytes]:
    """The one gzip stream of a file, in pieces of bounded size."""
    stream, total = zlib.decompressobj(31), 0
    bound = min(MAX_BYTES + (MAX_FILES << 12), max(MAX_INFLATED, MAX_RATIO * compressed))
    rest = b""
    while not stream.eof:
        rest = rest or handle.read(1 << 16)
        ended = not rest
        try:
            out = stream.decompress(rest, 1 << 20)
        except zlib.error:
            raise Refused("the archive is no gzip stream, or a broken one") from None
        rest = stream.unconsumed_tail
        require(bool(out) or not ended or stream.eof, "the archive ends too early")
        total += len(out)
        require(total <= bound, "the archive unpacks to too much")
        yield out
    require(not stream.unused_data and not handle.read(1), "something stands after the end of the gzip stream")


def take(pieces: Iterator[bytes], buffer: bytearray, size: int) -> Iterator[bytes]:
    """Exactly so many bytes of a stream of pieces, of which `buffer` holds what was not asked for yet."""
    while size:
        while not buffer:
            piece = next(pieces, None)
            require(piece is not None, "the archive ends too early")
            buffer += piece
        out = bytes(buffer[:size])
        del buffer[:size]
        size -= len(out)
        yield out


def octal(cell: bytes) -> int:
    text = cell.rstrip(b"\0 ").lstrip(b" ")
    require(re.fullmatch(b"[0-7]*", text) is not None, "a number in the tar is not octal")
    return int(text or b"0", 8)


def entries_of(pieces: Iterator[bytes]) -> Iterator[tuple[bytes, str, Iterator[bytes]]]:
    """Kind, path and content of each entry of a tar; a content is used up before the next entry is asked for."""
    buffer, long_name = bytearray(), b""
    while any(header := b"".join(take(pieces, buffer, 512))):
        require(octal(header[148:156]) == sum(header) - sum(header[148:156]) + 8 * 32, "the sum of a tar header is wrong")
        kind, size, name = header[156:157], octal(header[124:136]), header[:100].split(b"\0")[0]
        if header[257:263] == b"ustar\0" and (prefix := header[345:500].split(b"\0")[0]):
            name = prefix + b"/" + name
        if kind == b"L":
            require(not long_name and size <= 1 << 16, "a long name in the tar stands wrong")
            long_name = b"".join(take(pieces, buffer, size)).rstrip(b"\0")
        else:
            require(kind in (b"0", b"\0", b"5"), "the archive holds a link, a device, or another kind of entry")
            require(kind != b"5" or size == 0, "a folder in the tar has a content")
            path, long_name = utf8(long_name or name, "a path in the archive"), b""
            yield kind, path, take(pieces, buffer, size)
        for _ in take(pieces, buffer, -size % 512):
            pass
    second = b"".join(take(pieces, buffer, 512))
    require(not any(second) and not any(buffer) and not any(any(piece) for piece in pieces), "something stands after the end of the tar")


def read_archive(archive: str) -> Files:
    files, folders = Files(), set()
    with open(archive, "rb") as handle:
        for kind, path, content in entries_of(inflate(handle, os.fstat(handle.fileno()).st_size)):
            path = path[2:] if path.startswith("./") else path
            if kind == b"5":
                path = path[:-1] if path.endswith("/") else path
                if path not in ("", "."):
                    folders.add(clean(path, "the archive"))
                    require(len(folders) <= MAX_FILES, f"more than {MAX_FILES} folders")
                continue
            clean(path, "the archive")
            files.add(path, content, is_read(path) or is_read(path.partition("/")[2]))
    for path in files.found:
        while path := path.rpartition("/")[0]:
            require(path not in files.found, f"{path} is a file and a folder")
    require(not folders & files.found.keys(), "a path is a file and a folder")
    if not {"manifest.json", "disclosure.json"} & files.found.keys():
        tops = {path.partition("/")[0] for path in files.found}
        require(len(tops) == 1 and not files.found.keys() & tops, "the files of the archive do not lie in one folder")
        files.found = {path.partition("/")[2]: what for path, what in files.found.items()}
        files.kept = {path.partition("/")[2]: what for path, what in files.kept.items()}
    return files


def read_package(path: str) -> Files:
    return read_folder(path) if os.path.isdir(path) else read_archive(path)


def read_small(path: str) -> bytes:
    """A file that the reader gave: a key, a ledger, a head."""
    with open(path, "rb") as handle:
        data = handle.read(MAX_KEPT + 1)
    require(len(data) <= MAX_KEPT, f"{path} is longer than {MAX_KEPT} bytes")
    return data


# Packages


@dataclass
class Package:
    """What signatures and receipts are held against."""

    root: str
    as_of: str
    engine: str
    leaves: int
    exit: int
    name: str
    reports: Optional[dict[str, str]]  # digests; None in a disclosure, which has no reports


def check_manifest(files: Files) -> dict[str, Any]:
    manifest = parse(files.read("manifest.json"), "manifest.json")
    members(manifest, "manifest.json", schema="tickmark/manifest/1", engine=dict, as_of=str, files=list, leaves=int, root=str)
    members(manifest["engine"], "manifest.json: engine", name=str, version=str)
    digest(manifest["root"], "manifest.json: root")
    listed: dict[str, tuple[int, str]] = {}
    for entry in manifest["files"]:
        size, path, sha = members(entry, "manifest.json: an entry of files", bytes=int, path=str, sha256=str)
        digest(sha, f"manifest.json: sha256 of {path}")
        require(clean(path, "manifest.json") not in listed, f"manifest.json: {path} stands twice")
        known = path in (*REPORTS, *LISTS) or path.startswith(("inputs/", "populations/"))
        require(known, f"manifest.json: {path} is no file of a package")
        listed[path] = (size, sha)
    require(list(listed) == sorted(listed, key=str.encode), "manifest.json: the files are not sorted")
    there = {p: w for p, w in files.found.items() if p != "manifest.json" and not p.startswith("attest/")}
    for path in sorted(listed.keys() | there.keys()):
        require(path in there, f"{path} is missing")
        require(path in listed, f"{path} is not in the manifest")
        require(there[path][0] == listed[path][0], f"{path} has another length")
        require(there[path] == listed[path], f"{path} has another digest")
    return manifest


def rows_of(data: bytes, path: str) -> list[list[str]]:
    try:
        rows = list(csv.reader(io.StringIO(data.decode(), newline=""), strict=True))
    except (csv.Error, UnicodeDecodeError) as error:
        raise Refused(f"{path} is no CSV ({type(error).__name__})") from None
    require(rows[:1] == [["subject", "verdict", "reason", "evidence"]], f"{path} has other columns")
    require(all(len(row) == 4 and row[1] in VERDICTS for row in rows[1:]), f"{path} has a row with other cells")
    return rows[1:]


@dataclass
class Told:
    """What the files say: the assessment, the findings line by line, the rows of each control."""

    assessment: dict[str, Any]
    findings: list[dict[str, Any]]
    rows: dict[str, list[list[str]]]


def read_told(files: Files) -> Told:
    assessment = parse(files.read("assessment.json"), "assessment.json")
    require(isinstance(assessment, dict), "assessment.json is no object")
    require(assessment.get("schema") == "tickmark/assessment/1", "assessment.json has another schema")
    lines = files.read("findings.ndjson").split(b"\n")
    require(lines.pop() == b"", "findings.ndjson does not end with a line feed")
    findings = [parse(line, f"findings.ndjson, line {n}") for n, line in enumerate(lines, 1)]
    rows = {}
    for control in assessment["controls"]:
        path = f"populations/{control['id']}.csv"
        require(control["id"] not in rows, f"assessment.json: the control {control['id']} stands twice")
        rows[control["id"]] = rows_of(files.read(path), path)
    for path in files.found:
        if path.startswith("populations/"):
            require(path[12:-4] in rows and path.endswith(".csv"), f"{path} belongs to no control")
    return Told(assessment, findings, rows)


def secret_of(files: Files) -> bytes:
    lines = [f"{sha}  {path}\n" for path, (_, sha) in sorted(files.found.items(), key=lambda f: f[0].encode())
             if path.startswith("inputs/")]
    return sha256("".join(["tickmark/salt/1\n", *lines]).encode())


def keyed(secret: bytes, text: str) -> bytes:
    return hmac.digest(secret, text.encode(), "sha256")


def pick(source: dict[str, Any], names: str) -> dict[str, Any]:
    return {name: source[name] for name in names.split()}


Leaf = tuple[str, dict[str, Any], dict[str, Any]]


def leaves_of(told: Told, manifest: dict[str, Any]) -> Iterator[Leaf]:
    """Kind, open and closed of every leaf, in their order."""
    a = told.assessment
    opened = {**pick(a, "as_of as_of_from gate name schema tool"), "outcome": pick(a["outcome"], "exit word")}
    yield "assessment", opened, {"reason": a["outcome"]["reason"], "totals": a["totals"]}
    for entry in manifest["files"]:
        yield "file", {}, {"file": entry}
    of: dict[str, list[dict[str, Any]]] = {}
    for finding in told.findings:
        of.setdefault(finding["control"], []).append(finding)
    for control in a["controls"]:
        named = {"control": control["id"]}
        opened = pick(control, "counts population population_complete severity sha256 status subject title")
        yield "control", {**named, **opened}, pick(control, "file population_gaps")
        for param in control["params"]:
            yield "parameter", {**named, "name": param["name"]}, {"parameter": param}
        for subject, verdict, reason, evidence in told.rows[control["id"]]:
            cells = {"subject": subject, **({"reason": reason} if reason else {}), **({"evidence": evidence} if evidence else {})}
            yield "verdict", {**named, "verdict": verdict}, cells
        for finding in of.get(control["id"], []):
            shut = {k: v for k, v in finding.items() if k not in ("control", "severity", "verdict", "observed")}
            shut.update({f"observed/{k}": v for k, v in finding["observed"].items()})
            yield "finding", pick(finding, "control severity verdict"), shut


def closed_digest(salt: bytes, value: Any) -> str:
    return sha256(b"\2", salt, canonical(value)).hex()


def leaf_bytes(kind: str, opened: Any, closed: dict[str, str]) -> bytes:
    return canonical({"closed": closed, "kind": kind, "open": opened})


def check_root(told: Told, manifest: dict[str, Any], secret: bytes) -> None:
    tree = Tree()
    for kind, opened, closed in leaves_of(told, manifest):
        hashed = {name: closed_digest(keyed(secret, f"{tree.size}:{name}"), value) for name, value in closed.items()}
        tree.add(leaf_bytes(kind, opened, hashed))
    require(tree.size == manifest["leaves"], f"there are {tree.size} leaves, and the manifest says {manifest['leaves']}")
    require(tree.root().hex() == manifest["root"], "the root of the files is not the one of the manifest")


def tally(verdicts: Iterable[str]) -> dict[str, int]:
    counted = Counter(verdicts)
    return {verdict.replace("-", "_"): counted[verdict] for verdict in VERDICTS}


def check_told(told: Told) -> None:
    """That the files say the same of every control and subject."""
    a, order = told.assessment, list(told.rows)
    require(same(a["findings"], told.findings), "assessment.json has other findings than findings.ndjson")
    places = [order.index(f["control"]) if f["control"] in told.rows else -1 for f in told.findings]
    require(-1 not in places, "findings.ndjson has a finding of no control")
    require(places == sorted(places), "findings.ndjson is not in the order of the controls")
    by_control: dict[str, list[dict[str, Any]]] = {}
    for finding in told.findings:
        by_control.setdefault(finding["control"], []).append(finding)
    for control in a["controls"]:
        named, rows = control["id"], told.rows[control["id"]]
        require(same(control["counts"], tally(r[1] for r in rows)), f"{named}: the counts are not those of its population")
        require(same(control["population"], len(rows)), f"{named}: the population has another size")
        worst = [v for v in VERDICTS if any(r[1] == v for r in rows) or v == "unknown" and not control["population_complete"]]
        require(control["status"] == (worst or ["not-applicable"])[0], f"{named}: the status is not the worst of its subjects")
        mine = by_control.get(named, [])
        bare = Counter((r[0].removeprefix("'"), r[1]) for r in rows if r[1] in VERDICTS[:3])
        require(bare == Counter((f["subject"].removeprefix("'"), f["verdict"]) for f in mine), f"{named}: its findings are not those of its population")
        require(all(f["severity"] == control["severity"] for f in mine), f"{named}: a finding has another severity")
    require(same(a["totals"]["controls"], tally(c["status"] for c in a["controls"])), "the totals of the controls are wrong")
    require(same(a["totals"]["verdicts"], tally(r[1] for rows in told.rows.values() for r in rows)), "the totals of the verdicts are wrong")


def check_package(files: Files, say: Callable[[str], None]) -> Package:
    manifest = check_manifest(files)
    say(f"the {len(manifest['files'])} files are those that manifest.json lists, and there are no others")
    told, secret = read_told(files), secret_of(files)
    check_root(told, manifest, secret)
    say(f"their root, over {manifest['leaves']} leaves, is {manifest['root']}")
    a = told.assessment
    require(same(a["tool"], manifest["engine"]) and a["as_of"] == manifest["as_of"], "manifest.json names another engine or time than assessment.json")
    require(a["seal"] == keyed(secret, "seal").hex(), "the seal of assessment.json is not that of the inputs")
    check_told(told)
    say(f"assessment.json, findings.ndjson and populations/ say the same of {len(told.rows)} controls")
    reports = {name: files.found[name][1] for name in REPORTS if name in files.found}
    require(len(reports) == len(REPORTS), "a report is missing")
    return Package(manifest["root"], a["as_of"], engine_of(a["tool"]), manifest["leaves"], a["outcome"]["exit"], a["name"], reports)


def engine_of(tool: dict[str, Any]) -> str:
    return f"{tool['name']} {tool['version']}"


# Signatures


@dataclass(frozen=True)
class Key:
    file: str
    role: str
    raw: bytes


# The y of the points of small order: five, and whatever is not below the prime, which no encoding of a key has.
P = 2**255 - 19
EIGHTH = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD83D3D706A17C7
SMALL_ORDER = (0, 1, P - 1, EIGHTH, P - EIGHTH)


def small_order(raw: bytes) -> bool:
    y = int.from_bytes(raw, "little") & (1 << 255) - 1
    return y >= P or y in SMALL_ORDER


def load_key(path: str, role: str) -> Key:
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        raise Unusable("signatures need the Python package `cryptography`") from None
    data = read_small(path)
    try:
        pem = data.lstrip().startswith(b"-----")
        key = serialization.load_pem_public_key(data) if pem else serialization.load_ssh_public_key(data.strip())
    except Exception as error:  # what it raises differs between its versions
        raise Unusable(f"{path} is no public key ({type(error).__name__})") from None
    if not isinstance(key, Ed25519PublicKey):
        raise Unusable(f"{path} is no Ed25519 key")
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    if small_order(raw):
        raise Unusable(f"{path} is of small order: anyone can sign with it")
    return Key(path, role, raw)


def own_key(predicate: dict[str, Any]) -> bytes:
    """The key that a sign-off itself names. It proves nothing but that the signature is one."""
    blob = decoded(predicate["signer"]["key"].split(" ")[1], "the key of the signer")
    require(len(blob) == 51 and not small_order(blob[19:]), "the key of the signer is none")
    return blob[19:]


def verifies(key: Key, signature: bytes, message: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(key.raw).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def decoded(text: str, what: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    require(base64.b64encode(data).decode() == text, f"{what} is not base64")
    return data


@dataclass
class Envelope:
    payload: bytes
    signature: bytes
    what: str

    def signers(self, keys: list[Key]) -> list[Key]:
        message = b"DSSEv1 %d %s %d %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(self.payload), self.payload)
        return [key for key in keys if verifies(key, self.signature, message)]

    def statement(self, predicate_type: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """The digests of the subjects by name, and the predicate."""
        statement = parse(self.payload, f"{self.what}: the payload", exact=False)
        subject, predicate = members(
            statement, f"{self.what}: the statement", subject=list, predicate=dict,
            _type="https://in-toto.io/Statement/v1", predicateType=predicate_type)[:2]
        named = [members(s, f"{self.what}: a subject", name=str, digest=dict) for s in subject]
        require(len({name for name, _ in named}) == len(named), f"{self.what}: a subject stands twice")
        return dict(named), predicate


def envelope_of(value: Any, what: str) -> Envelope:
    payload, signatures, _ = members(value, what, payload=str, signatures=list, payloadType=PAYLOAD_TYPE)
    require(len(signatures) == 1, f"{what} must have one signature")
    sig, _ = members(signatures[0], f"{what}: the signature", sig=str, keyid=str)
    signature = decoded(sig, f"{what}: sig")
    require(len(signature) == 64, f"{what}: sig has another length")
    return Envelope(decoded(payload, f"{what}: payload"), signature, what)


def check_sign_off(envelope: Envelope, package: Package) -> dict[str, Any]:
    """The predicate of a sign-off over this very package."""
    subjects, predicate = envelope.statement("urn:tickmark:sign-off:1")
    assessment, _, signer, _ = members(
        predicate, f"{envelope.what}: the predicate", assessment=dict, signed_at=str, signer=dict, statement=str)
    members(signer, f"{envelope.what}: the signer", key=str, name=str, role=str)
    require(TIME.match(predicate["signed_at"]) is not None, f"{envelope.what}: signed_at is no time in UTC")
    require(subjects.keys() == {"root", *REPORTS}, f"{envelope.what} has other subjects")
    require(subjects["root"] == {"merkleSha256": package.root}, f"{envelope.what} speaks of another root")
    for name in REPORTS:
        require(subjects[name].keys() == {"sha256"}, f"{envelope.what}: {name} has another kind of digest")
        digest(subjects[name]["sha256"], f"{envelope.what}: {name}")
        known = package.reports is None or subjects[name]["sha256"] == package.reports[name]
        require(known, f"{envelope.what} speaks of another {name}")
    expected = {"as_of": package.as_of, "engine": package.engine, "leaves": package.leaves}
    require(same(assessment, expected), f"{envelope.what} speaks of another assessment")
    return predicate


def check_signatures(files: Files, package: Package, keys: list[Key], say: Callable[[str], None], note: Callable[[str], None]) -> None:
    missing = [key for key in keys if key.role != "ledger"]
    for path in sorted(p for p in files.found if p.startswith("attest/") and p.endswith(".sign-off.json")):
        envelope = envelope_of(parse(files.read(path), path, exact=False), path)
        signers = envelope.signers(keys)
        if not signers:
            own = Key(path, "", own_key(envelope.statement("urn:tickmark:sign-off:1")[1]))
            require(bool(envelope.signers([own])), f"{path}: the signature does not fit what is signed")
            note(f"{path}: by no key that was given, so it counts for nothing")
            continue
        predicate = check_sign_off(envelope, package)
        counted = [key for key in signers if key.role == predicate["signer"]["role"]]
        require(bool(counted), f"{path}: {signers[0].file} signed in a role that it was not given for")
        missing = [key for key in missing if key not in counted]
        say(f"signed by {counted[0].file} as {counted[0].role}, at {predicate['signed_at']} by their own word")
    require(not missing, f"no signature by {missing[0].file} as {missing[0].role}" if missing else "")


# The ledger


Head = tuple[int, bytes]


def head_of(value: Any, what: str) -> Head:
    root, size = members(value, what, root=str, size=int)
    require(size >= 0, f"{what}: the size is negative")
    return size, digest(root, what)


def entry_of(value: Any, what: str) -> Head:
    """Checks an entry of the ledger, and gives the head before it."""
    _, _, root, _, _, previous, _ = members(
        value, what, name=str, as_of=str, root=str, exit=int, schema="tickmark/ledger-entry/1", previous=dict,
        signer=(str, type(None)))
    digest(root, f"{what}: root")
    require(0 <= value["exit"] <= 255, f"{what}: exit is none")
    return head_of(previous, f"{what}: previous")


def check_signed_head(envelope: Envelope, head: Head, keys: list[Key]) -> Key:
    signers = [key for key in envelope.signers(keys) if key.role == "ledger"]
    require(bool(signers), f"{envelope.what}: not signed by a ledger key that was given")
    subjects, predicate = envelope.statement("urn:tickmark:ledger-head:1")
    require(subjects == {"ledger": {"merkleSha256": head[1].hex()}} and same(predicate, {"size": head[0]}), f"{envelope.what}: another head is signed")
    return signers[0]


@dataclass
class Ledger:
    lines: list[bytes]
    entries: list[dict[str, Any]]
    heads: list[bytes]  # after 0, 1, 2… lines


def read_ledger(path: str) -> Ledger:
    *lines, _ = read_small(path).split(b"\n")  # what a killed run left of a line is none
    tree, entries, heads = Tree(), [], [sha256()]
    for number, line in enumerate(lines, 1):
        entries.append(parse(line, f"line {number} of the ledger"))
        previous = entry_of(entries[-1], f"line {number} of the ledger")
        require(previous == (tree.size, heads[-1]), f"line {number} of the ledger does not follow from those before it")
        tree.add(line)
        heads.append(tree.root())
    return Ledger(lines, entries, heads)


def check_ledger(path: str, keys: list[Key], since: Optional[Head], say: Callable[[str], None], note: Callable[[str], None]) -> Ledger:
    ledger = read_ledger(path)
    say(f"the {len(ledger.lines)} lines of the ledger hold together; its head is {ledger.heads[-1].hex()}")
    head_file = path + ".head.json"
    if any(key.role == "ledger" for key in keys):
        require(os.path.exists(head_file), f"{head_file} is missing: nobody signed the head of the ledger")
        envelope = envelope_of(parse(read_small(head_file), head_file, exact=False), head_file)
        key = check_signed_head(envelope, (len(ledger.lines), ledger.heads[-1]), keys)
        say(f"that head is signed by {key.file}")
    else:
        note("who keeps the ledger: no --ledger-key was given")
    if since is not None:
        held = since[0] < len(ledger.heads) and ledger.heads[since[0]] == since[1]
        require(held, f"the ledger did not grow from the head of {since[0]} lines that you kept")
        say(f"the ledger grew from the head of {since[0]} lines that you kept")
    return ledger


def check_receipt(files: Files, package: Package, keys: list[Key], say: Callable[[str], None], note: Callable[[str], None]) -> Optional[tuple[bytes, Head]]:
    """The entry of the package as a line, and the head after it."""
    asked = any(key.role == "ledger" for key in keys)
    if "attest/ledger.json" not in files.found:
        require(not asked, "the package has no receipt of a ledger")
        return None
    what = "attest/ledger.json"
    entry, head, path, signed, _ = members(
        parse(files.read(what), what, exact=False), what, entry=dict, head=dict, path=list, signed=(dict, type(None)),
        schema="tickmark/ledger-receipt/1")
    before, after = entry_of(entry, f"{what}: entry"), head_of(head, f"{what}: head")
    mine = {"root": package.root, "as_of": package.as_of, "exit": package.exit, "name": package.name}
    require(same(pick(entry, " ".join(mine)), mine), f"{what} is the receipt of another package")
    require(after[0] == before[0] + 1, f"{what}: the head is not the one just after the entry")
    line = canonical(entry)
    require(leads(leaf_hash(line), before[0], after[0], digests(path, f"{what}: path")) == after[1], f"{what}: the path does not lead to the head")
    if asked:
        require(signed is not None, f"{what}: nobody signed the head")
        key = check_signed_head(envelope_of(signed, f"{what}: signed"), after, keys)
        say(f"the run is entry {after[0]} of a ledger whose head {key.file} signed")
    else:
        note(f"whether the ledger, of which it says that it is entry {after[0]}, is anybody's: no --ledger-key was given")
    return line, after


def read_since(path: str) -> Head:
    value = parse(read_small(path), path, exact=False)
    if isinstance(value, dict) and value.get("schema") == "tickmark/ledger-receipt/1":
        value = value.get("head")
    return head_of(value, path)


def check_proof(path: str, since: Head, after: Head, say: Callable[[str], None]) -> None:
    first, steps, last, _ = members(
        parse(read_small(path), path), path, **{"from": dict, "path": list, "to": dict, "schema": "tickmark/ledger-proof/1"})
    require(head_of(first, path) == since, f"{path} does not begin at the head that you kept")
    require(head_of(last, path) == after, f"{path} does not end at the head of the package's receipt")
    require(grew(*since, *after, digests(steps, path)), f"{path} does not prove that the ledger grew")
    say(f"the ledger grew from {since[0]} to {after[0]} lines, and nothing before was changed")


# Disclosures


def check_leaf(shown_leaf: Any, what: str) -> tuple[int, bytes, list[bytes]]:
    """Number, bytes and path of a leaf that is shown."""
    index, kind, opened, closed, path = members(shown_leaf, what, index=int, kind=str, open=dict, closed=dict, path=list)
    require(kind in LEAVES, f"{what} is of another kind")
    in_open, must, may = LEAVES[kind]
    require(opened.keys() == set(in_open.split()), f"{what} shows other fields than a leaf `{kind}` has")
    require(set(must.split()) <= closed.keys(), f"{what} leaves out a field")
    require(all(re.match(may, name) for name in closed.keys() - set(must.split())), f"{what} has a field that is none of its kind")
    hashed = {}
    for name, cell in closed.items():
        if isinstance(cell, dict) and "digest" in cell:
            hashed[name] = digest(members(cell, f"{what}: {name}", digest=str)[0], f"{what}: {name}").hex()
        else:
            require(isinstance(cell, dict) and cell.keys() == {"salt", "value"}, f"{what}: {name} must have a salt and a value")
            hashed[name] = closed_digest(digest(cell["salt"], f"{what}: {name}"), cell["value"])
    return index, leaf_bytes(kind, opened, hashed), digests(path, what)


def check_disclosure(files: Files, say: Callable[[str], None]) -> Package:
    others = [p for p in files.found if p != "disclosure.json" and not p.startswith("attest/")]
    require(not others, f"{min(others, default=None)} does not belong into a disclosure")
    disclosure = parse(files.read("disclosure.json"), "disclosure.json")
    as_of, engine, leaves, root, leaf_list, _ = members(
        disclosure, "disclosure.json", as_of=str, engine=dict, leaves=int, root=str, shown=list, schema="tickmark/disclosure/1")
    members(engine, "disclosure.json: engine", name=str, version=str)
    wanted, last = digest(root, "disclosure.json: root"), -1
    for number, leaf in enumerate(leaf_list):
        index, data, path = check_leaf(leaf, f"disclosure.json: shown[{number}]")
        require(index > last, "disclosure.json: the leaves are not in order")
        require(leads(leaf_hash(data), index, leaves, path) == wanted, f"disclosure.json: the path of leaf {index} does not lead to the root")
        last = index
    first = leaf_list[0] if leaf_list else {}
    require(bool(leaf_list) and first["index"] == 0 and first["kind"] == "assessment", "disclosure.json: leaf 0 is not shown")
    require(all("digest" in cell for cell in first["closed"].values()), "disclosure.json: leaf 0 is opened")
    opened = first["open"]
    require(opened["as_of"] == as_of and same(opened["tool"], engine), "disclosure.json: leaf 0 has another engine or time")
    named = [leaf["open"].get("control") for leaf in leaf_list[1:]]
    controls = {leaf["open"]["control"] for leaf in leaf_list if leaf["kind"] == "control"}
    require(all(name in controls for name in named), "disclosure.json: the control of a leaf is not shown")
    withheld = sum("digest" in cell for leaf in leaf_list[1:] for cell in leaf["closed"].values())
    verdicts = sum(leaf["kind"] == "verdict" for leaf in leaf_list)
    say(f"{len(leaf_list)} of the {leaves} leaves of {root} are shown: {len(controls)} controls, {verdicts} verdicts; {withheld} fields are withheld")
    outcome = members(opened["outcome"], "disclosure.json: outcome", exit=int, word=str)
    return Package(root, as_of, engine_of(engine), leaves, outcome[0], opened["name"], None)


# The command line


def arguments(argv: Optional[list[str]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="verify.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, usage=argparse.SUPPRESS)
    parser.add_argument("package", nargs="?", metavar="PACKAGE")
    for option in ("--preparer", "--reviewer", "--ledger-key"):
        parser.add_argument(option, action="append", default=[], metavar="KEY")
    for option in ("--ledger", "--since", "--proof"):
        parser.add_argument(option, metavar="FILE")
    for option in ("--unsigned", "--disclosure"):
        parser.add_argument(option, action="store_true")
    given = parser.parse_args(argv)
    signed = bool(given.preparer or given.reviewer)
    if given.package is None and (given.ledger is None or signed or given.unsigned or given.disclosure or given.proof):
        parser.error("without a package only --ledger, --ledger-key and --since")
    if given.package is not None and signed == given.unsigned:
        parser.error("either keys (--preparer, --reviewer), or --unsigned")
    if given.since and not (given.ledger or given.proof) or given.proof and not given.since:
        parser.error("--since needs --ledger or --proof, --proof needs --since")
    return given


def keys_of(given: argparse.Namespace) -> list[Key]:
    keys = [load_key(path, "preparer") for path in given.preparer] + [load_key(path, "reviewer") for path in given.reviewer]
    if len({key.raw for key in keys}) < len(keys):
        raise Unusable("one key is given twice: preparer and reviewer must be two people")
    return keys + [load_key(path, "ledger") for path in given.ledger_key]


def verify(given: argparse.Namespace, say: Callable[[str], None], note: Callable[[str], None]) -> None:
    keys = keys_of(given)
    since = read_since(given.since) if given.since else None
    receipt, package = None, None
    if given.package is not None:
        files = read_package(given.package)
        is_disclosure = "disclosure.json" in files.found and "manifest.json" not in files.found
        require(is_disclosure == given.disclosure, "this is a disclosure: say --disclosure" if is_disclosure else "this is no disclosure")
        package = check_disclosure(files, say) if given.disclosure else check_package(files, say)
        check_signatures(files, package, keys, say, note)
        receipt = check_receipt(files, package, keys, say, note)
    ledger = check_ledger(given.ledger, keys, since, say, note) if given.ledger else None
    if ledger is not None and package is not None:
        require(receipt is not None, "the package has no receipt of a ledger")
        line, (size, head) = receipt
        held = size < len(ledger.heads) and ledger.heads[size] == head and ledger.lines[size - 1] == line
        require(held, "the ledger does not hold the run as the receipt has it")
        say(f"the run is line {size} of the ledger; {len(ledger.lines) - size} came after it")
    if given.proof:
        require(receipt is not None, "the package has no receipt of a ledger")
        check_proof(given.proof, since, receipt[1], say)
    notes_at_end(given, note)


def notes_at_end(given: argparse.Namespace, note: Callable[[str], None]) -> None:
    if given.package is None:
        return
    if given.unsigned:
        note("who made the package: no key was asked for")
    else:
        note("when anybody signed: time stamps are not read")
    if given.disclosure:
        note("whether the verdicts follow from the evidence, which is not there; whether leaves of the same control were left out")
    else:
        note("whether the verdicts follow from inputs/, and report.md and report.html from the verdicts: `tickmark verify` judges again")
    if not given.ledger:
        note("whether other runs were left out or came later: no --ledger was given")
    note("whether the evidence was collected honestly: no program can show that")


def main(argv: Optional[list[str]] = None) -> int:
    given = arguments(argv)
    notes: list[str] = []
    try:
        verify(given, lambda text: print("proved: " + shown(text)), notes.append)
    except Refused as error:
        print("refused: " + shown(str(error)))
        return 4
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        # A member that is missing or of another type, where the format has it.
        print("refused: the package is not of this format: " + shown(f"{type(error).__name__} {error}"))
        return 4
    except (Unusable, OSError) as error:
        print("unusable: " + shown(str(error)))
        return 2
    for text in notes:
        print("not checked: " + shown(text))
    return 0


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = main()
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = 2
    sys.exit(code)
