# One --help as a section of a man page: its description, and its arguments, options and commands as lists. -v title=COMMAND names the
# section; without, it is the program's own help, whose description the page has in other words.

function escape(text) {
    gsub(/\\/, "\\e", text)
    gsub(/-/, "\\-", text)
    gsub(/'/, "\\(aq", text)
    sub(/^\./, "\\\\\\&.", text)
    return text
}

# Names and placeholders: a word in angle brackets stands for what the reader puts there.
function heading(text, rest, out) {
    text = escape(text)
    out = ""
    while (match(text, /<[^>]*>/)) {
        out = out "\\fB" substr(text, 1, RSTART - 1) "\\fI" substr(text, RSTART + 1, RLENGTH - 2) "\\fR"
        text = substr(text, RSTART + RLENGTH)
    }
    return out "\\fB" text "\\fR"
}

BEGIN { print ".SH " (title == "" ? "OPTIONS" : "\"" toupper(title) "\"") }

/^(Description|Arguments|Options|Commands):$/ { section = $1; next }
/^[^ ]/ { section = ""; next }
section == "" || NF == 0 { next }
section == "Description:" {
    if (title != "") print escape(substr($0, 3))
    next
}

# "  NAMES   TEXT", in columns.
{
    line = substr($0, 3)
    split_at = match(line, /   *[^ ]/)
    names = split_at ? substr(line, 1, split_at - 1) : line
    text = split_at ? substr(line, split_at) : ""
    sub(/^ +/, "", text)
    if (text == "") text = "See above."
    print ".TP"
    print heading(names)
    print escape(text)
}
