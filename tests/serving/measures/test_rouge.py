import pytest

from serving.measures.rouge import longest_common_subsequence, rouge_l


@pytest.mark.parametrize(
    ("reference", "written", "expected"),
    [
        # Lin 2004, section 3.1: three of four words in order, then two of four; here with beta 1.
        ("police killed the gunman", "police kill the gunman", 3 / 4),
        ("police killed the gunman", "the gunman kill police", 2 / 4),
        ("A leak, in main()", "a LEAK in main", 1.0),
        ("one two three", "two", 2 * 1 / (3 + 1)),
        ("", "words", 0.0),
        ("words", "", 0.0),
        ("a b", "c d", 0.0),
    ],
)
def test_rouge_l_by_hand(reference, written, expected) -> None:
    assert rouge_l(reference, written) == pytest.approx(expected)
    assert rouge_l(written, reference) == pytest.approx(expected)


def test_longest_common_subsequence_may_have_gaps() -> None:
    assert longest_common_subsequence("ABCBDAB", "BDCABA") == 4  # Cormen et al., Introduction to Algorithms, ch. 15.4
