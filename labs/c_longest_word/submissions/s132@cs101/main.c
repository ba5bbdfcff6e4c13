#include <stdio.h>
#include <string.h>

/* Returns the index of the longest of the words. */
int index_of_longest(char words[][64], int count) {
    int best = 0;
    for (int i = 1; i <= count; i++) {
        if (strlen(words[i]) > strlen(words[best])) {
            best = i;
        }
    }
    return best;
}

int main(void) {
    char words[200][64];
    int count = 0;
    while (count < 199 && scanf("%63s", words[count]) == 1) {
        count++;
    }
    int best = index_of_longest(words, count - 1);
    if (count == 0) {
        printf("none\n");
    } else {
        printf("%s, %d\n", words[best], (int)strlen(words[best]));
    }
    return 0;
}
