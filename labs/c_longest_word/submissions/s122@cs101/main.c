#include <stdio.h>

int main(void) {
    char line[100], longest[100];
    int length, i = 0, start = 0, max = 0;
    fgets(line, 100, stdin);
    while (line[i] != '\0') {
        if (line[i] == ' ') {
            length = i - start;
            if (length > max) {
                max = length;
                strncpy(longest, line + start, length);
                longest[length] = '\0';
            }
            start = i + 1;
        }
        i++;
    }
    printf("%s %d\n", longest, max);
    return 0;
}
