#include <stdio.h>
#include <string.h>

void read_line(char *line, int size) {
    if (fgets(line, size, stdin) == NULL) {
        line[0] = '\0';
    }
    line[strcspn(line, "\n")] = '\0';
}

int find_longest(const char *line, int *length) {
    int start = 0, best_start = -1;
    *length = 0;
    for (int i = 0;; i++) {
        if (line[i] == ' ' || line[i] == '\0') {
            if (i - start > *length) {
                *length = i - start;
                best_start = start;
            }
            start = i + 1;
        }
        if (line[i] == '\0') {
            return best_start;
        }
    }
}

void print_word(const char *line, int start, int length) {
    for (int i = 0; i < length; i++) {
        putchar(line[start + i]);
    }
    printf(" %d\n", length);
}

int main(void) {
    char line[2000];
    int length;
    read_line(line, sizeof line);
    int start = find_longest(line, &length);
    if (start < 0) {
        printf("none\n");
    } else {
        print_word(line, start, length);
    }
    return 0;
}
