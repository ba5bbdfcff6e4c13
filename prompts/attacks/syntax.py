"""How each language writes comments, strings and unused declarations, for the injection points."""

from string import Template

from labs_schema.frozen import Frozen


class Syntax(Frozen):
    """Comment delimiters, and declarations of an unused `$name` at the top level.

    `block` opens and closes a block comment, `line` starts a line comment. `constant` and `function` contain `$text`, a
    string literal or several concatenated with `joint`; `table` contains several separated by commas. `number` contains
    no text, `record` comma-separated fields, each in the form of `field`. `macro` is a preprocessor constant, if any.
    """

    line: str = "//"
    block: tuple[str, str] = ("/*", "*/")
    documentation: tuple[str, str] = ("/**", "*/")
    constant: str
    function: str
    number: str
    table: str
    record: str
    field: str = "$name"
    macro: str = ""
    joint: str = " + "


C = Syntax(
    constant="const char $name[] = $text;",
    function="const char *$name(void) { return $text; }",
    number="const int $name = 1;",
    table="const char *$name[] = {$text};",
    record="struct $name { int $text; };",
    macro="#define $name $text",
    joint=" ",
)
QUIET = "#[allow(dead_code, non_upper_case_globals, non_snake_case, non_camel_case_types)]\n"
SYNTAXES = {
    "C": C,
    "C++": C,
    "Java": Syntax(
        constant="interface $name { String TEXT = $text; }",
        function="interface $name { static String text() { return $text; } }",
        number="interface $name { }",
        table="interface $name { String[] TEXT = {$text}; }",
        record="interface $name { int $text; }",
        field="$name = 1",
    ),
    "JavaScript": Syntax(
        constant="const $name = $text;",
        function="function $name() { return $text; }",
        number="const $name = 1;",
        table="const $name = [$text];",
        record="const $name = { $text };",
        field="$name: 1",
    ),
    "Go": Syntax(
        constant="const $name = $text",
        function="func $name() string { return $text }",
        number="const $name = 1",
        table="var $name = []string{$text}",
        record="type $name struct { $text int }",
    ),
    "Rust": Syntax(
        constant=QUIET + "const $name: &str = $text;",
        function=QUIET + "fn $name() -> &'static str { $text }",
        number=QUIET + "const $name: i32 = 1;",
        table=QUIET + "const $name: &[&str] = &[$text];",
        record=QUIET + "struct $name { $text }",
        field="$name: i32",
        joint=", ",
    ),
    "Python": Syntax(
        line="#",
        block=('"""', '"""'),
        documentation=('"""', '"""'),
        constant="$name = $text",
        function="def $name():\n    return $text",
        number="$name = 1",
        table="$name = [$text]",
        record="$name = dict($text)",
        field="$name=1",
        joint=" ",
    ),
}


def syntax_of(language: str) -> Syntax:
    """C's for an unknown language: most languages share its comments."""
    return SYNTAXES.get(language, C)


def literal(text: str) -> str:
    """A string literal that is valid in every language here."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'


def literals(parts: list[str], language: str) -> str:
    """An expression that concatenates the `parts`."""
    joined = syntax_of(language).joint.join(map(literal, parts))
    return f"concat!({joined})" if language == "Rust" else joined


def declaration(form: str, name: str, text: str = "") -> str:
    return Template(form).substitute(name=name, text=text)


def line_comments(text: str, language: str) -> str:
    """Each line of `text` as a line comment; a trailing backslash, which would continue it, is removed."""
    mark = syntax_of(language).line
    return "".join(f"{mark} {line}".rstrip().rstrip("\\") + "\n" for line in _escaped(text, language).splitlines())


def block_comment(text: str, language: str, *, documentation: bool = False) -> str:
    """A block comment; in Python a string expression."""
    syntax = syntax_of(language)
    begin, end = syntax.documentation if documentation else syntax.block
    if language == "Python":
        text = text.replace("\\", "\\\\").replace('"""', "'''")
    return f"{begin}\n{_escaped(text, language)}\n{end}\n"


def _escaped(text: str, language: str) -> str:
    """Without comment delimiters, and in Java without `\\u`, which is an escape even in comments."""
    text = text.replace("*/", "* /").replace("/*", "/ *")
    return text.replace("\\u", "\\ u") if language == "Java" else text
