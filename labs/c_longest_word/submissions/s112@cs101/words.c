#include <stdio.h>
#include <string.h>

int main(void) {
    char word[1001];
    char longest[1001] = "";

    while (scanf("%1000s", word) == 1) {
        if (strlen(word) > strlen(longest)) {
            strcpy(longest, word);
        }
    }
    if (longest[0] == '\0') {
        printf("none\n");
    } else {
        printf("%s %d\n", longest, (int)strlen(longest));
    }
    return 0;
}