"""Words that no student chose: the keywords of all languages together. Knows no lexer."""

_KEYWORDS = """
abstract async auto await bool boolean break byte case catch chan char class const constexpr continue default defer
delete do double dyn else enum explicit export extends extern fallthrough false final finally float fn for friend from
func function go goto if impl implements import in inline instanceof int interface let long loop map match mod move mut
namespace native new null nullptr of operator override package private protected pub public range ref register return
select self short signed sizeof static struct super switch synchronized template this throw throws trait transient true
try type typedef typename typeof undefined union unsafe unsigned use using var virtual void volatile where while yield
include define ifdef ifndef endif and as assert def del elif except global is lambda None nonlocal not or pass raise
with True False
"""
KEYWORDS = frozenset(_KEYWORDS.split())
"""Of all languages together: what is never a name that a student chose."""
