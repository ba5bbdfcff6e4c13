#include <ctype.h>
#include <stdio.h>

int main(void)
{
    int c, zero = 0, started = 0;

    while ((c = getchar()) != EOF) {
        if (!isdigit(c)) {
            if (zero && !started)
                putchar('0');
            zero = started = 0;
            putchar(c);
        } else if (c == '0' && !started) {
            zero = 1;
        } else {
            started = 1;
            putchar(c);
        }
    }
    if (zero && !started)
        putchar('0');
    return 0;
}
