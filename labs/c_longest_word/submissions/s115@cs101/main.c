#include <stdio.h>
#include <ctype.h>

/* State machine: reads one character at a time and keeps no line at all,
   only the current word and the best one so far. */
#define WORD_MAX 1001

int main(void) {
    char current[WORD_MAX];
    char best[WORD_MAX] = "";
    int current_length = 0;
    int best_length = 0;
    int symbol;

    do {
        symbol = getchar();
        if (symbol != EOF && !isspace(symbol)) {
            if (current_length < WORD_MAX - 1) {
                current[current_length++] = (char)symbol;
            }
        } else {
            if (current_length > best_length) {
                best_length = current_length;
                for (int i = 0; i < current_length; i++) {
                    best[i] = current[i];
                }
                best[best_length] = '\0';
            }
            current_length = 0;
        }
    } while (symbol != EOF && symbol != '\n');

    if (best_length > 0) {
        printf("%s %d\n", best, best_length);
    } else {
        printf("none\n");
    }
    return 0;
}
