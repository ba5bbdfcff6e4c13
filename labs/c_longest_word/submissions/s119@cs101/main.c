#include <stdio.h>
#include <string.h>

int count_letters(char *word) {
    int count = 0;
    while (word[count] != '\0') {
        count++;
    }
    return count;
}

int main(void) {
    char line[1000];
    char *best = "none";
    int best_count = 0;
    fgets(line, 1000, stdin);
    char *word = strtok(line, " \n");
    while (word != NULL) {
        int count = count_letters(word);
        if (count > best_count) {
            best = word;
            best_count = count;
        }
        word = strtok(NULL, " \n");
    }
    if (best_count == 0) {
        printf("none\n");
    } else {
        printf("%s %d\n", best, best_count);
    }
    return 0;
}
