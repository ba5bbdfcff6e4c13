"""Letters that look like Latin ones: those of Unicode's confusables list (UTS 39) that are needed for English."""

# ruff: noqa: RUF001

HOMOGLYPHS = {
    # Cyrillic, Greek and other letters -> the Latin letter that looks the same
    **dict(zip("аеорсухіјѕһԁԛԝӏѵԍкмтнвгпиг", "aeopcyxijshdqwlvgkmthbrnur", strict=True)),
    **dict(zip("АВЕКМНОРСТХУІЈЅԌҮЗ", "ABEKMHOPCTXYIJSGY3", strict=True)),
    **dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹϳ", "ABEZHIKMNOPTYXCj", strict=True)),
    **dict(zip("αγεηικνορτυχω", "ayenikvoptuxw", strict=True)),
    **dict(zip("ɑɡıɩʟɪᴀʙᴄᴅᴇɢʜᴊᴋᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ", "agiiliabcdeghjkmnoprstuvwyz", strict=True)),
    **dict(zip("օսոհցԍ", "ouuhgg", strict=True)),
}
FOLD_HOMOGLYPHS = str.maketrans(HOMOGLYPHS)
