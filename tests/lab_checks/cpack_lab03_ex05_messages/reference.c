#include <stdio.h>

int main(void)
{
    int c, inside = 0;

    while ((c = getchar()) != EOF) {
        if (c == '"') {
            if (inside)
                putchar('\n');
            inside = !inside;
        } else if (inside) {
            if (c == '\\')
                c = getchar();
            putchar(c);
        }
    }
    return 0;
}
