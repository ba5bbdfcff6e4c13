#include <stdio.h>
#include <string.h>

int main() {
    char line[500];
    char *word;
    char best[500];
    int length = 0;
    printf("Please enter a line: ");
    fgets(line, 500, stdin);
    word = strtok(line, " ");
    while (word != NULL) {
        if (strlen(word) > length) {
            length = strlen(word);
            strcpy(best, word);
        }
        word = strtok(NULL, " ");
    }
    printf("The longest word is %s with %d letters\n", best, length);
    return 0;
}
