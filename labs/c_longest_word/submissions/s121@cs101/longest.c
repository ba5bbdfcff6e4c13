#include <stdio.h>
#include <string.h>

int main(void) {
    char a[50], b[50], c[50];
    scanf("%s %s %s", a, b, c);
    if (strlen(a) >= strlen(b) && strlen(a) >= strlen(c)) {
        printf("%s %d\n", a, (int)strlen(a));
    } else if (strlen(b) >= strlen(c)) {
        printf("%s %d\n", b, (int)strlen(b));
    } else {
        printf("%s %d\n", c, (int)strlen(c));
    }
    return 0;
}
