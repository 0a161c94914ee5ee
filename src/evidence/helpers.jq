# What every mapping may use beside jq's own: docs/sources.md tells each in words. Null in is null out. `text` (text that says something;
# numbers become text), `_row` and `_instant` are written in Rust: native.rs.

# Without the columns that nothing is said of.
def row: if type == "object" then _row else with_entries(select(.value != null)) end;
# Nothing is no element, one thing is a list of one (PowerShell writes it so), a list is itself.
def list:
  if . == null then []
  elif type == "array" then .
  elif type == "string" and test("^System\\.(Object|Collections)|^@\\{") then
    error("cut off by ConvertTo-Json; export it with -Depth 20")
  else [.] end;
# The elements of a list; as a path too: `path(.value | each)`.
def each: if . == null then empty elif type == "array" then .[] else . end;
def member($texts): . as $one | any($texts[]; . == $one);
# What the vendor wrote, where `none` and `never` are names like any other: neither may become a sentinel.
def said: text | if . == "none" or . == "never" then null else . end;

# --- Times → RFC 3339 in UTC.
def _number: if type == "number" then . elif type == "string" and test("^-?[0-9]+([.][0-9]+)?$") then tonumber else null end;
def _two: tostring | if length < 2 then "0" + . else . end;
# Whole microseconds; floor for what lies before 1970, too.
def _micros: (. / 1000000 | floor) as $s | ((. - $s * 1000000) | floor | tostring) as $us
  | ($s | todateiso8601) as $at
  | if $us == "0" then $at else ($at | rtrimstr("Z")) + "." + ("000000"[($us | length):] + $us | sub("0+$"; "")) + "Z" end;
def epoch: _number | if . == null then null else . * 1000000 | round | _micros end;
def epoch_ms: _number | if . == null then null else . * 1000 | round | _micros end;
def epoch_us: _number | if . == null then null else round | _micros end;
# /Date(1718000000000)/ of .NET, with or without an offset, which changes nothing.
def dotnet_date: if type != "string" then null
  else (capture("^/Date\\((?<ms>-?[0-9]+)([+-][0-9]{4})?\\)/$") // null) | if . == null then null else .ms | epoch_ms end end;
# RFC 3339 as vendors bend it: a space for the T, `UTC` for the Z, `+0000` or `+00` for `+00:00`. Without a zone it stays so.
def time: if _instant then . elif type != "string" or . == "" then null
  else sub("^(?<day>[0-9]{4}-[0-9]{2}-[0-9]{2})[ t]+"; "\(.day)T")
    | sub(" *(UTC|GMT|z)$"; "Z")
    | sub("(?<at>T[0-9:.]+) *(?<sign>[+-])(?<h>[0-9]{2}):?(?<m>[0-9]{2})?$"; "\(.at)\(.sign)\(.h):\(.m // "00")") end;
# The same of a vendor who documents UTC and writes no zone.
def time_utc: if type != "string" or . == "" then null
  elif test("^[0-9]{4}-[0-9]{2}-[0-9]{2}[ Tt][0-9:]+([.][0-9]+)?$") then (. + "Z") | time else time end;
# A day: its first moment, and its last.
def day_start: if type == "string" and test("^[0-9]{4}-[0-9]{2}-[0-9]{2}$") then "\(.)T00:00:00Z" else null end;
def day_end: if type == "string" and test("^[0-9]{4}-[0-9]{2}-[0-9]{2}$") then "\(.)T23:59:59.999999Z" else null end;
# `never` where the vendor writes one of these for it, else what `f` makes of it: .expiresAt | never_if(-1; epoch_ms).
def never_if($sentinel; f): if . == $sentinel then "never" else f end;
# Seconds → a duration.
def seconds: _number | if . == null then null else "\(floor)s" end;
