#include <stdio.h>
#include <string.h>

int main(void) {
    char word[200], longest[200];
    int max = 0;
    while (scanf("%s", word) == 1) {
        int length = strlen(word);
        if (length >= max) {
            max = length;
            strcpy(longest, word);
        }
    }
    printf("%s %d\n", longest, max);
    return 0;
}
