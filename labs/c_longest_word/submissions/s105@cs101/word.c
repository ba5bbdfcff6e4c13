#include <stdio.h>

int main(void) {
    char s[1000], w[1000], b[1000];
    int i = 0, j, l = 0;
    gets(s);
    while (s[i] != '\0') {
        j = 0;
        while (s[i] != ' ' && s[i] != '\0') w[j++] = s[i++];
        w[j] = '\0';
        if (j > l) { l = j; for (j = 0; w[j] != '\0'; j++) b[j] = w[j]; b[j] = '\0'; }
        if (s[i] == ' ') i++;
    }
    printf("%s %d\n", b, l);
    return 0;
}
