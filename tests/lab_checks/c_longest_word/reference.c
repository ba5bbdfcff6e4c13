#include <stdio.h>

#define LINE_LENGTH 1000

int main(void)
{
    char line[LINE_LENGTH + 2] = "";
    int longest = 0, start = 0, length = 0, i = 0;

    if (fgets(line, sizeof line, stdin) == NULL)
        line[0] = '\0';
    for (;; i++) {
        if (line[i] != ' ' && line[i] != '\n' && line[i] != '\0') {
            length++;
            continue;
        }
        if (length > longest) {
            longest = length;
            start = i - length;
        }
        length = 0;
        if (line[i] == '\0')
            break;
    }
    if (longest == 0)
        puts("none");
    else
        printf("%.*s %d\n", longest, line + start, longest);
    return 0;
}
