# TODO: read the minutes, print the fee
