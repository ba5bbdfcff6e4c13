import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, Literal

from labs_schema.reading.validate import lab_folders, load_lab
from labs_schema.source.dead_code import dead_ranges
from labs_schema.source.languages import LANGUAGES
from labs_schema.source.lexer import lex

LABS = Path(__file__).parents[3] / "labs"
PIECES = [
    '"',
    "'",
    "`",
    "/*",
    "*/",
    "//",
    "#",
    "\\",
    "\n",
    '"""',
    "r#",
    'R"(',
    "{",
    "a",
    " ",
    "#if 0",
    "return;",
    "é",
    "{-",
    "(*",
    "#|",
    "=begin\n",
    "<<A",
    "%{\n",
    "--",
    ";",
    "%",
]


def read(text: str, language: str) -> list[tuple[str, str]]:
    return [(span.kind, text[span.start : span.end]) for span in lex(text, language)]


def dead(text: str, language: str) -> list[str]:
    found = lex(text, language)
    return [text[start:end].strip() for start, end in dead_ranges(text, language, found)]


@pytest.mark.parametrize(
    ("language", "text", "kind", "part"),
    [
        ("C", 'char *s = "a // b";', "string", '"a // b"'),
        ("C", "x = 1; // a \\\n b\ny;", "comment", "// a \\\n b"),
        ("C", "#error do not\nint x;", "comment", "#error do not"),
        ("C", '#include "list.h"\n', "include", '#include "list.h"'),
        ("C", '#include "a/list.h" // note\n', "comment", "// note"),
        ("C++", 'auto s = R"x(a " )" b)x";', "string", 'R"x(a " )" b)x"'),
        ("C++", "long n = 1'000'000; // n", "comment", "// n"),
        ("Java", 'String s = """\n a "b" c\n""";', "string", '"""\n a "b" c\n"""'),
        ("JavaScript", "const r = /['\"]/g; // quotes", "comment", "// quotes"),
        ("JavaScript", "const s = `a\n'b`;", "string", "`a\n'b`"),
        ("Go", "s := `a\\`; // b", "comment", "// b"),
        ("Rust", "/* a /* b */ c */ fn f<'a>() {}", "comment", "/* a /* b */ c */"),
        ("Rust", 'let s = r#"a "b" c"#;', "string", 'r#"a "b" c"#'),
        ("Python", 'def f():\n    """note"""\n', "docstring", '"""note"""'),
        ("Python", 'async def f(x: int = {"a": 1}) -> "T": """note"""', "docstring", '"""note"""'),
        ("Python", "@a\nclass A(B): 'note'", "docstring", "'note'"),
        ("Python", "x: 'T' = 1", "string", "'T'"),
        ("Python", "def f(): return lambda: 'T'", "string", "'T'"),
        ("Python", "def f(): x: 'T' = 1", "string", "'T'"),
        ("Python", "x = f(\n    'a'\n)", "string", "'a'"),
        ("Python", "s = f'{a}' # b", "string", "f'{a}'"),
        ("C#", "#region Ann wrote this\nint x;", "comment", "#region Ann wrote this"),
        ("C#", 'var s = @"C:\\"; // b', "comment", "// b"),
        ("C#", 'var s = """\na "b" // c\n"""; // d', "comment", "// d"),
        ("Kotlin", "/* a /* b */ c */ val x = 1", "comment", "/* a /* b */ c */"),
        ("Kotlin", 'val s = """a\\""" // b', "comment", "// b"),
        ("Scala", "val c = '\"' // b", "comment", "// b"),
        ("Scala", "val s = 'symbol // b", "comment", "// b"),
        ("Swift", 'let s = #"a "b" // c"# // d', "comment", "// d"),
        ("Swift", 'let s = """\n// a\n""" /* b */', "comment", "/* b */"),
        ("TypeScript", "const s: string = `// a`; // b", "comment", "// b"),
        ("Objective-C", 'NSString *s = @"// a"; // b', "comment", "// b"),
        ("PHP", "<?php $a = '# b'; # c ?> text", "comment", "# c "),
        ("PHP", "<!-- Ann --><?php $s = <<<EOT\n// a\nEOT; // b", "comment", "// b"),
        ("Ruby", 's = "#{a} # b" # c', "comment", "# c"),
        ("Ruby", "x = 1\n=begin\nAnn\n=end\n", "comment", "=begin\nAnn\n=end"),
        ("Ruby", "puts <<~EOS\n # a\nEOS\n# b", "comment", "# b"),
        ("Perl", "$n = $#a; # b", "comment", "# b"),
        ("Perl", "=pod\n\nAnn\n\n=cut\nprint 1;", "comment", "=pod\n\nAnn\n\n=cut"),
        ("R", "x <- '# a' # b", "comment", "# b"),
        ("R", 'x <- r"(a " # b)" # c', "comment", "# c"),
        ("MATLAB", "y = x'; s = 'a % b'; % c", "comment", "% c"),
        ("MATLAB", "%{\nAnn\n%}\nx = 1", "comment", "%{\nAnn\n%}"),
        ("MATLAB", "x = 1 # Octave", "comment", "# Octave"),
        ("SQL", "SELECT 'it''s -- a' -- b", "comment", "-- b"),
        ("SQL", "# MySQL\nSELECT 1", "comment", "# MySQL"),
        ("Bash", "echo ${#a} '# b' # c", "comment", "# c"),
        ("Bash", "cat <<'EOF'\n# a\nEOF\n# b", "comment", "# b"),
        ("Bash", "echo $((1 << n)) # b", "comment", "# b"),
        ("Haskell", "f x' = '\"' -- b", "comment", "-- b"),
        ("Haskell", "{- a {- b -} c -} x --> y", "comment", "{- a {- b -} c -}"),
        ("OCaml", 'let f (x : \'a) = "(*" (* b (* c *) d *)', "comment", "(* b (* c *) d *)"),
        ("OCaml", "let s = {|a (* b|} (* c *)", "comment", "(* c *)"),
        ("Racket", '(display "; a") #\\; #| b #| c |# d |#', "comment", "#| b #| c |# d |#"),
        ("Scheme", "(define x #\\;) ; b", "comment", "; b"),
        ("Prolog", "p(0'%, 'a % b'). % c", "comment", "% c"),
        ("Assembly", "mov r0, #1 @ b", "comment", "@ b"),
        ("Assembly", "movl $1, %eax # b", "comment", "# b"),
        ("Assembly", "mov eax, ';' ; b", "comment", "; b"),
    ],
)
def test_comments_and_strings_of_each_language(language: str, text: str, kind: str, part: str) -> None:
    assert (kind, part) in read(text, language)


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("C", "#if 0\na\n#if X\nb\n#endif\n#else\nc\n#endif", ["a\n#if X\nb\n#endif"]),
        ("C", "#if 1\na\n#else\nb\n#endif", ["b"]),
        ("C", "#if X\na\n#else\nb\n#endif", []),
        ("C", "#define A \\\n#if 0\nint a;\n", []),
        ("C", "int f() { if (x) return 1; a(); return 2; b(); }", ["b();"]),
        ("C", "switch (x) { case 1: return 1; case 2: return 2; }", []),
        ("Java", "void f() { if (false) { a(); } b(); }", ["a();"]),
        ("Python", "def f(x):\n  if x:\n    return 1\n  return 2\n  a()\ndef g(): pass", ["a()"]),
        ("Python", "if False:\n  a()\nb()", ["a()"]),
    ],
)
def test_dead_code_of_each_language(language: str, text: str, expected: list[str]) -> None:
    assert dead(text, language) == expected


@pytest.mark.parametrize("folder", lab_folders(LABS), ids=lambda folder: folder.name)
def test_comments_and_strings_equal_those_of_pygments(folder: Path) -> None:
    lab = load_lab(folder)
    lexer = get_lexer_by_name(lab.language.lower())
    for text in {file.text for submission in lab.submissions for file in submission.files}:
        ours = {
            index
            for span in lex(text, lab.language)
            if span.kind in ("comment", "docstring", "string")
            for index in range(span.start, span.end)
            if not text[index].isspace()
        }
        theirs = {
            index
            for start, kind, value in lexer.get_tokens_unprocessed(text)
            if (kind in Comment and kind not in Comment.Preproc and kind != Comment.PreprocFile)
            or kind in Literal.String
            for index in range(start, start + len(value))
            if not text[index].isspace()
        }
        assert ours == theirs


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=40).map("".join))
def test_spans_are_ordered_and_disjoint_for_any_text(text: str) -> None:
    for language in (*LANGUAGES, "unknown"):
        ends = [0]
        for span in lex(text, language):
            assert ends[-1] <= span.start < span.end <= len(text)
            ends.append(span.end)
        dead(text, language)


@pytest.mark.parametrize(
    "unit",
    [
        "a ",
        "((",
        '"\\',
        "'",
        "/*x\n",
        "=/[",
        "r#",
        'R"x(',
        "\n#",
        "\\\n",
        "1'",
        "rb",
        "return;{",
        "[=/]",
        "<<A\n",
        '#"',
        "$",
        "{-",
        "(*",
        "#|",
        "%(",
        '@"',
        "\n=a\n",
        "\n%{\n",
        "r'-(",
        "<<<A\n",
        "{a|",
        "'a",
        "--",
    ],
)
@pytest.mark.parametrize(("length", "seconds"), [(20_000, 0.5), pytest.param(50_000, 3, marks=pytest.mark.nightly)])
def test_long_hostile_text_takes_linear_time(unit: str, length: int, seconds: float) -> None:
    text = ("=/" + unit * length)[:length]

    def taken(language: str) -> float:
        start = time.process_time()
        dead(text, language)
        return time.process_time() - start

    for language in LANGUAGES:
        # The least of several, as other processes slow down this one.
        assert any(taken(language) < seconds for _ in range(6)), language
