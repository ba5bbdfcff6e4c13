"""How each language writes what attacks hide in: comments, texts, names that nobody uses. Knows no attack."""

from string import Template

from labs_schema.frozen import Frozen


class Syntax(Frozen):
    """How to write comments, and how to declare an unused `$name` at the outermost level.

    `block` opens and closes a comment of several lines, `line` begins one of one line. `constant` and `function` hold
    `$text`, a string literal, or several put together by `joint`; `table` holds several with commas between them.
    `number` holds none, `record` fields with commas between them, each written as `field` writes a `$name`. `macro` is
    the preprocessor's constant, where there is one."""

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
    """C's where the language is not known: most languages read its comments."""
    return SYNTAXES.get(language, C)


def literal(text: str) -> str:
    """A string literal of any of the languages."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'


def literals(parts: list[str], language: str) -> str:
    """An expression that puts the `parts` together again."""
    joined = syntax_of(language).joint.join(map(literal, parts))
    return f"concat!({joined})" if language == "Rust" else joined


def declaration(form: str, name: str, text: str = "") -> str:
    return Template(form).substitute(name=name, text=text)


def line_comments(text: str, language: str) -> str:
    """Each line of `text` as a comment of one line. What would end it, or go on in the next line, is broken."""
    mark = syntax_of(language).line
    return "".join(f"{mark} {line}".rstrip().rstrip("\\") + "\n" for line in _harmless(text, language).splitlines())


def block_comment(text: str, language: str, *, documentation: bool = False) -> str:
    """A comment of several lines; in Python a string that stands alone."""
    syntax = syntax_of(language)
    begin, end = syntax.documentation if documentation else syntax.block
    if language == "Python":
        text = text.replace("\\", "\\\\").replace('"""', "'''")
    return f"{begin}\n{_harmless(text, language)}\n{end}\n"


def _harmless(text: str, language: str) -> str:
    """Without what ends a comment, opens one in it, or (in Java) is read as a character even there."""
    text = text.replace("*/", "* /").replace("/*", "/ *")
    return text.replace("\\u", "\\ u") if language == "Java" else text
