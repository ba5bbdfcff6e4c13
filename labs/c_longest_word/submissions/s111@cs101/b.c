#include <stdio.h>
#include <string.h>

int main() {
    char w[100], m[100];
    int c = 0;
    while (scanf("%s", w) != EOF) {
        if (strlen(w) > c) {
            strcpy(m, w);
            c = strlen(w);
        }
    }
    printf("%s %d\n", m, c);
    return 0;
}
