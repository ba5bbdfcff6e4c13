// Declarations for the list exercise.
#ifndef LIST_H
#define LIST_H

#include <vector>

std::vector<int> readList();
bool findSecond(const std::vector<int>& list, int& second);

#endif
