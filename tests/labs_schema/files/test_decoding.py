# ruff: noqa: RUF001
"""Encodings of source files as students' machines write them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labs_schema.files.decoding import decode, known_encoding
from labs_schema.reading.validate import read_lab
from tests.harness.courses.lab_folders import write_lab

RUSSIAN = "// программа вычисляет сумму двух чисел\nint main(void) { return 0; }\n"
CHINESE = "// 计算两个数的和并输出\nint main(void) { return 0; }\n"
JAPANESE = "// 二つの数の合計を計算する\nint main(void) { return 0; }\n"


@pytest.mark.parametrize(
    ("text", "encodings"),
    [
        (RUSSIAN, ["cp1251", "koi8_r", "cp866"]),
        (CHINESE, ["gb18030"]),
        ("// 計算兩個數的和並輸出\nint main(void) { return 0; }\n", ["big5"]),
        (JAPANESE, ["cp932", "euc_jp"]),
        ("// 두 수의 합을 계산하는 프로그램\n", ["cp949"]),
        ("// programme qui calcule la moyenne des notes des élèves\n", ["cp1252", "mac_roman"]),
        ("// l’été – “déjà vu” – costs 5 €\n", ["cp1252"]),
        ("// été\nint main(void) { return 0; }\n", ["cp1252"]),
        ("// questo è il programma che però stampa la città\n", ["cp1252"]),
        ("// größer, für die Länge\n", ["cp1252", "mac_roman"]),
        ("// Größe der Straße\n", ["cp1252", "mac_roman"]),
        ("// Très bien\n", ["cp1252", "mac_roman"]),
        ("// perché\n", ["cp1252", "mac_roman", "cp850"]),
        ("// l’ami d’Anna\n", ["cp1252"]),
        ("// São João\n", ["cp1252", "mac_roman", "cp850"]),
        ("// program liczący średnią ocen studentów, błąd zaokrągleń\n", ["cp1250", "iso8859_2"]),
        ("// πρόγραμμα που υπολογίζει το άθροισμα\n", ["cp1253"]),
        ("// öğrencilerin notlarını hesaplayan program, çıktı ekrana yazılır\n", ["cp1254"]),
    ],
)
def test_legacy_encodings_are_detected(text: str, encodings: list[str]) -> None:
    for encoding in encodings:
        decoded = decode(text.encode(encoding))
        assert decoded is not None and decoded.text == text and decoded.encoding != "UTF-8", encoding


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"])
def test_unicode_is_read_with_and_without_byte_order_mark(encoding: str) -> None:
    text = "#include <stdio.h>\n/* numéro */\nint main(void) { return 0; }\n"
    decoded = decode(text.encode(encoding))
    assert decoded is not None and decoded.text == text


@pytest.mark.parametrize("encoding", ["shift_jis", "koi8-r", "iso-8859-15", "iso-2022-jp"])
def test_declared_encoding_is_used(encoding: str) -> None:
    text = f"# -*- coding: {encoding} -*-\n# " + {"koi8-r": "квадрат", "iso-8859-15": "prix en €"}.get(encoding, "平方")
    decoded = decode(text.encode(encoding))
    assert decoded is not None and decoded.text == text


@pytest.mark.parametrize("name", ["rot13", "base64", "zlib", "unicode_escape", "utf-7", "no-such", "idna"])
def test_encodings_that_hide_text_are_unknown(name: str) -> None:
    assert known_encoding(name) is None
    decoded = decode(f"# coding: {name}\nprint(1)  # é\n".encode())
    assert decoded is not None and decoded.text.endswith("é\n")


def test_one_damaged_byte_leaves_the_rest_as_it_is() -> None:
    decoded = decode("// été, déjà\n".encode() + b"// \xe9\n")
    assert decoded is not None and decoded.text == "// été, déjà\n// \ufffd\n"


def test_line_ends_and_padding() -> None:
    decoded = decode(b"int main(void)\r\n{\r\n\n\treturn 0;\r}\x0c\n\x1a\0\0")
    assert decoded is not None and (decoded.text, decoded.line_ends) == (
        "int main(void)\n{\n\n\treturn 0;\n}\x0c\n",
        True,
    )
    assert decode(b"int a\0;") is None


def test_encoding_of_the_lab_is_used_where_a_file_is_not_utf_8(tmp_path: Path, make_lab) -> None:
    write_lab(make_lab(), tmp_path / "lab1")
    program = tmp_path / "lab1/submissions/s000@course/main.c"
    program.write_bytes("// 和\nint main(void) {}\n".encode("gb18030"))
    (tmp_path / "lab1/encoding.txt").write_text("GB18030\n")
    lab = read_lab(tmp_path / "lab1").lab
    assert lab is not None and lab.submissions[0].files[0].text.startswith("// 和\n")
    (tmp_path / "lab1/encoding.txt").write_text("gbk2\n")
    assert "unknown-encoding" in {issue.code for issue in read_lab(tmp_path / "lab1").issues}


@given(st.binary(max_size=200))
def test_any_bytes_are_text_or_binary(data: bytes) -> None:
    decoded = decode(data)
    assert decoded is None or not {"\0", "\r"} & set(decoded.text)
