#include <stdio.h>
#include <string.h>

int main(void) {
    char line[1000];
    char longest[1000] = "";
    fgets(line, sizeof(line), stdin);
    char *word = strtok(line, " \n");
    while (word = NULL) {
        if (strlen(word) > strlen(longest)) {
            strcpy(longest, word);
        }
        word = strtok(NULL, " \n");
    }
    printf("%s %d\n", longest, strlen(longest));
    return 0;
}
