/* Prints the longest word of a line and its length. */
#include <stdio.h>

#define LIMIT 1001

static int is_separator(char symbol) {
    return symbol == ' ' || symbol == '\n' || symbol == '\0';
}

static int word_length(const char *text) {
    int length = 0;
    while (!is_separator(text[length])) {
        length++;
    }
    return length;
}

int main(void) {
    char line[LIMIT] = "";
    const char *cursor = line;
    const char *longest = line;
    int longest_length = 0;

    if (fgets(line, LIMIT, stdin) == NULL) {
        line[0] = '\0';
    }
    while (*cursor != '\0') {
        int length = word_length(cursor);
        if (length > longest_length) {
            longest = cursor;
            longest_length = length;
        }
        cursor += length > 0 ? length : 1;
    }
    if (longest_length == 0) {
        puts("none");
    } else {
        printf("%.*s %d\n", longest_length, longest, longest_length);
    }
    return 0;
}
