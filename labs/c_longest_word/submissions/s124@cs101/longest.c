#include <stdio.h>
#include <string.h>

int main(void) {
    char line[1000];
    char longest[1000] = "";
    int start = 0;
    int max = 0;
    fgets(line, sizeof(line), stdin);
    for (int i = 0; line[i] != '\0'; i++) {
        if (line[i] == ' ') {
            int length = i - start;
            if (length > max) {
                max = length;
                strncpy(longest, line + start, length);
                longest[length] = '\0';
            }
            start = i + 1;
        }
    }
    if (max == 0) {
        printf("none\n");
    } else {
        printf("%s %d\n", longest, max);
    }
    return 0;
}
