#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *text;
    size_t length;
} Word;

static Word next_word(const char **cursor) {
    Word word;
    *cursor += strspn(*cursor, " \n");
    word.text = *cursor;
    word.length = strcspn(*cursor, " \n");
    *cursor += word.length;
    return word;
}

static Word longest_word(const char *line) {
    Word longest = {line, 0};
    Word word = next_word(&line);
    while (word.length > 0) {
        if (word.length > longest.length) {
            longest = word;
        }
        word = next_word(&line);
    }
    return longest;
}

int main(void) {
    char line[4096] = "";
    Word longest;
    if (!fgets(line, sizeof line, stdin)) {
        line[0] = '\0';
    }
    longest = longest_word(line);
    if (longest.length == 0) {
        puts("none");
        return EXIT_SUCCESS;
    }
    printf("%.*s %zu\n", (int)longest.length, longest.text, longest.length);
    return EXIT_SUCCESS;
}
