from training.dataset.examples import CriterionExample, TrainingExample
from training.trainers.collator import PreferenceCollator, VerdictCollator, pack
from training.trainers.token_trees import build_token_tree

FIRST = TrainingExample((1, 2), (CriterionExample((3,), (4, 9), ((5, 6, 9), (7, 9))),))
SECOND = TrainingExample((1, 2), (CriterionExample((8,), (4, 9), ((5, 9),)), CriterionExample((3,), (5, 9), ((4, 9),))))


def test_pairs_come_as_all_chosen_then_all_rejected_rows_of_answers() -> None:
    rows = [{"submission": 0, "pair": 0}, {"submission": 0, "pair": 1}]
    batch = PreferenceCollator([FIRST], pad_token_id=0)(rows)
    assert batch["input_ids"].tolist() == [[3, 4, 9, 0], [3, 4, 9, 0], [3, 5, 6, 9], [3, 7, 9, 0]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1, 0], [1, 1, 1, 0], [1, 1, 1, 1], [1, 1, 1, 0]]
    assert batch["completion_mask"].tolist() == [[0, 1, 1, 0], [0, 1, 1, 0], [0, 1, 1, 1], [0, 1, 1, 0]]
    assert batch["tree_ids"].tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert batch["tree_index"].tolist() == [[2, 3, 0, 0], [2, 3, 0, 0], [2, 4, 5, 0], [2, 6, 0, 0]]


def test_each_submission_keeps_to_its_own_part_of_the_row() -> None:
    rows = [{"submission": 1, "pair": 0}, {"submission": 1, "pair": 1}, {"submission": 0, "pair": 1}]
    batch = PreferenceCollator([FIRST, SECOND], pad_token_id=0)(rows)
    places = batch["tree_index"][:, :2].tolist()
    assert [[batch["tree_ids"][p].item() for p in row] for row in places] == [
        [8, 4],
        [3, 5],
        [3, 4],
        [8, 5],
        [3, 4],
        [3, 7],
    ]
    assert min(places[2]) >= 8 > max(places[0])


def test_stored_reference_log_probabilities_travel_along() -> None:
    rows = [{"submission": 0, "pair": 0, "ref_chosen_logps": -1.5, "ref_rejected_logps": -2.5}]
    batch = PreferenceCollator([FIRST], pad_token_id=0)(rows)
    assert (batch["ref_chosen_logps"].tolist(), batch["ref_rejected_logps"].tolist()) == ([-1.5], [-2.5])


def test_a_verdict_is_learned_whole() -> None:
    batch = VerdictCollator([FIRST, SECOND], letters_only=False, with_shared=False)(
        [{"submission": 1}, {"submission": 0}]
    )
    assert batch["labels"].tolist() == [[4, 9, 5, 9, 4, 9]]
    assert batch["tree_ids"].tolist() == [1, 2, 8, 4, 3, 5, 1, 2, 3, 4]
    assert batch["tree_index"].tolist() == [[2, 3, 4, 5, 8, 9]]
    assert batch["is_answer"].all()


def test_or_only_its_letter_and_the_shared_tokens_with_it() -> None:
    batch = VerdictCollator([SECOND], letters_only=True, with_shared=True)([{"submission": 0}])
    assert batch["labels"].tolist() == [[4, 5, 2]]
    assert batch["is_answer"].tolist() == [[True, True, False]]
    assert batch["tree_index"].tolist() == [[2, 3, 0]]
    assert batch["tree_ids"].tolist() == [1, 2, 8, 3]


def test_spans_tile_the_row_and_each_branch_names_its_trunk() -> None:
    trees = [build_token_tree([1, 2], [([3], [[4, 9]]), ([5], [[6, 9]])]), build_token_tree([1], [([2], [[3]])])]
    packed = pack(trees)
    assert packed["tree_spans"].tolist() == [[0, 2, 0, 0], [2, 4, 0, 2], [4, 6, 0, 2], [6, 8, 6, 6]]
    assert packed["tree_ends"].tolist() == [6, 6, 4, 4, 6, 6, 8, 8]
    assert packed["tree_depths"].tolist() == [0, 1, 2, 3, 2, 3, 0, 1]
