"""Keywords of languages in which they are ordinary names elsewhere, such as `end` and `select`."""

from labs_schema.source.lexer import KEYWORDS

_OWN = {
    "Bash": "then fi elif done esac until function local echo read printf test exit shift set source eval",
    "C#": (
        "foreach lock checked fixed params out is as base internal sealed readonly get set value yield where select"
    ),
    "Haskell": "module where data newtype deriving instance then of infix infixl infixr qualified",
    "Kotlin": "fun val when companion object data sealed init constructor lateinit by suspend out reified",
    "MATLAB": "end elseif function otherwise persistent parfor spmd properties methods classdef",
    "OCaml": (
        "begin done downto end exception external fun function functor include lazy method module object rec "
        "sig then to val when"
    ),
    "Objective-C": "id self nil YES NO interface implementation property end selector protocol",
    "PHP": "array echo print foreach endforeach endif endwhile elseif isset unset empty list require include_once",
    "Perl": "my our sub elsif unless until foreach last next redo local print package require qw",
    "Prolog": "is mod not fail cut",
    "R": "next repeat NULL NA Inf NaN TRUE FALSE",
    "Racket": "define lambda let let* letrec cond else begin set quote provide require",
    "Ruby": (
        "begin end elsif ensure module next nil redo rescue retry then undef unless until when yield puts attr_accessor"
    ),
    "Scala": "def object trait val given sealed lazy with yield then extension",
    "Scheme": "define lambda let letrec cond else begin set quote",
    "SQL": (
        "add all alter as asc between by case check column commit constraint count create cross database "
        "default delete desc distinct drop else end exists foreign from full function grant group having if "
        "in index inner insert int integer into is join key left like limit max min not null offset on or "
        "order outer primary procedure references returning returns right rollback select set sum table text "
        "then trigger union unique update using values varchar view when where with avg begin declare"
    ),
    "Swift": ("func guard defer init nil protocol subscript where weak unowned fileprivate associatedtype repeat"),
}
_BY_LANGUAGE = {language: KEYWORDS | frozenset(words.split()) for language, words in _OWN.items()}


def is_keyword(name: str, language: str) -> bool:
    """Whether no student chose the name. Case is ignored in SQL."""
    return (name.lower() if language == "SQL" else name) in _BY_LANGUAGE.get(language, KEYWORDS)
