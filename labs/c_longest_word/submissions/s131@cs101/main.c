#include <stdio.h>
#include <string.h>

int main(void) {
    char line[1000];
    char *word, *longest;
    fgets(line, 1000, stdin);
    word = strtok(line, " \n");
    longest = word;
    while (word != NULL) {
        if (strlen(word) > strlen(longest))
            longest = word;
        word = strtok(NULL, " \n");
    }
    printf("%s %d\n", longest, (int)strlen(longest));
    return 0;
}
