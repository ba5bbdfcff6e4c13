"""Words that spreadsheets of grades use in six languages. Those of `YES` mean a rating; none of the others is one."""

import re

YES = frozenset(
    "true yes y x ja j oui si s\u00ed sim wahr vrai vero verdadero verdadeiro ticked checked".split()  # noqa: SIM905
)
NO = frozenset("false no n nein non n\u00e3o nao falsch faux falso".split()) | {""}  # noqa: SIM905
MISSING_VALUES = frozenset(
    "na n/a n.a. n/d nd nan none null nil nv n/v k.a. s/o s.o. tbd todo pending".split()  # noqa: SIM905
)

_STATUS = r"""
(?:student )?(?:absente?|abwesend|ausente|assente|abs|missing|excused|withdrawn|dropped|dnf|dns|n\.?s)
(?:ungraded|unmarked|unrated|unsubmitted|sick|ill|krank|fehlt|entschuldigt|malade|enferm[oa]|malat[oa]|doente)
(?:to be|still to be|not yet|not) (?:re)?(?:graded|marked|rated|checked|reviewed)(?: yet)?
(?:noch )?(?:offen|zu bewerten)
(?:was |has |did )?(?:not|n[o']t|never) (?:submit(?:ted)?|handed in|turned in|present|graded|marked|attempted)
(?:no|nothing|without|missing) (?:submission|submitted|handed in|files?|work|code)
(?:nicht|nichts) (?:abgegeben|eingereicht|anwesend|erschienen|bewertet)|keine abgabe
(?:non|pas) (?:rendue?|remise?|soumise?|présente?|note)|rien rendu
(?:no|sin) (?:entreg(?:ado|ó|a)|presentad[oa]|present[óo])
não (?:entreg(?:ue|ou)|apresentad[oa])
non (?:consegnat[oa]|presente)|nessuna consegna
(?:\d+ ?\w+ )?(?:very |too )?late(?: submission| penalty|(?: by)? [-+]?\d+ ?[\w%]*)?
(?:submitted|handed in|turned in) late|overdue|extension(?: granted)?|deferred|exempt(?:ed)?|waived|medical
(?:possible |suspected |potential )?(?:plagiari[sz](?:m|ed)|cheat(?:ed|ing)|collusion|(?:academic )?misconduct)
copied(?: from \S+(?: \S+)?)?|copy of \S+|flagged|on hold|appeal(?:ed)?|audit(?:ing)?
(?:please |must |to )?(?:re-?submit(?:ted)?|re-?submission|re-?do|re-?grade|re-?mark)(?: required| requested| allowed)?
see (?:me|e-?mail|notes?|comments?|instructor|professor|ta)|(?:wrong|corrupt(?:ed)?|damaged) (?:file|submission|archive)
plagiat(?:sverdacht)?|abgeschrieben|kopiert|verspätet|zu spät|nach(?:reichen|gereicht)|neu abgeben|verlängert|befreit
plagié|copié|trich(?:e|é|erie)|fraude?|(?:en |rendu en )?retard|à (?:refaire|rendre)|dispensée?|reportée?
plagio|copiad[oa]|copiat[oa]|tarde|fuera de plazo|(?:con|in) (?:retraso|ritardo)|re(?:enviar|entregar|hacer)|prórroga
exent[oa]|tardi|ritardo|da rifare|riconsegnare|proroga|esente|plágio|atrasad[oa]|com atraso|fora do prazo|refazer
"""
_COMMENT_COLUMN = r"""
(?:overall )?comments?|commentaires?|comentários?|comentarios?|commento|commenti|kommentare?
feedback|remarks?|bemerkung(?:en)?|observaciones|observations|osservazioni|observações
"""
_OTHER_COLUMN = r"""
not(?:e|es|a|as|en)|grades?|scores?|points?|punkte|punteggio|puntos|pontos
(?:grand |sub)?totals?|totale?|gesamt|sum(?:me|a)?|somm[ea]|soma
(?:full |first |last |student |family )?names?|surname|e-?mail(?: address)?|sections?|grader|marker|percent(?:age)?|%
nom|prénom|nome|cognome|nombre|apellidos?|vorname|nachname|sobrenome|apelido
"""
_SUMMARY_ROW = r"""
(?:class |grand |overall |column )?(?:average|avg|mean|median|totals?|sum|count|maximum|minimum|max|min|mode|n)
std\.? ?dev\.?|standard deviation|variance|percent(?:age)?|points possible|max(?:imum)? points
moyenne|médiane|somme|écart[- ]type|(?:mittel|durch)(?:wert|schnitt)|summe|gesamt|anzahl
promedio|mediana?|suma|desviación estándar|somma|deviazione standard|totale|m[ée]dia|soma|desvio padrão
"""


def _any_of(lines: str) -> str:
    return f"(?:{'|'.join(lines.split(chr(10))[1:-1])})"


STATUS = re.compile(_any_of(_STATUS))
"""A note about the submission or the student (`absent`, `late`, `plagiarism`, `resubmit`), in lower case."""
COMMENT_COLUMN = re.compile(_any_of(_COMMENT_COLUMN))
"""The heading of a column of comments, in lower case; never the title of a rating."""
OTHER_COLUMN = re.compile(f"{_any_of(_COMMENT_COLUMN)}|{_any_of(_OTHER_COLUMN)}")
"""The heading of a column without ratings, in lower case."""
SUMMARY_ROW = re.compile(rf"{_any_of(_SUMMARY_ROW)}\s*(?:[:=(].*|[-+]?[\d.,]+%?)?", re.IGNORECASE)
"""The first cell of a row that summarises the others, such as `Average` or `Total: 3`."""
