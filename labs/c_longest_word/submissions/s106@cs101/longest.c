#include <stdio.h>
#include <string.h>

#define MAX_LINE 1024

int main(void) {
    char line[MAX_LINE];
    char *longest = NULL;
    char *word;

    if (fgets(line, sizeof line, stdin) == NULL) {
        printf("none\n");
        return 0;
    }
    word = strtok(line, " \n");
    while (word != NULL) {
        if (longest == NULL || strlen(word) > strlen(longest)) {
            longest = word;
        }
        word = strtok(NULL, " \n");
    }
    if (longest == NULL) {
        printf("none\n");
    } else {
        printf("%s %lu\n", longest, (unsigned long)strlen(longest));
    }
    return 0;
}
