#include <stdio.h>
#include <string.h>

int main(void) {
    char text[300];
    char longest[300];
    int size = 0;
    int i, j = 0;
    char word[300];
    scanf("%[^\n]", text);
    for (i = 0; i <= strlen(text); i++) {
        if (text[i] == ' ' || text[i] == '\0') {
            word[j] = '\0';
            if (j > size) {
                size = j;
                strcpy(longest, word);
            }
            j = 0;
        } else {
            word[j] = text[i];
            j++;
        }
    }
    printf("Longest: %s\nLength: %d\n", longest, size);
    return 0;
}