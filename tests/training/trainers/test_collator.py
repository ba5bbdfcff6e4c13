from training.dataset.examples import CriterionExample, TrainingExample
from training.trainers.collator import PreferenceCollator, VerdictCollator, pack
from training.trainers.token_trees import build_token_tree

FIRST = TrainingExample((1, 2), (CriterionExample((3,), (4, 9), ((5, 6, 9), (7, 9))),))
SECOND = TrainingExample((1, 2), (CriterionExample((8,), (4, 9), ((5, 9),)), CriterionExample((3,), (5, 9), ((4, 9),))))


def test_chosen_answers_come_before_rejected_ones() -> None:
    rows = [{"submission": 0, "pair": 0}, {"submission": 0, "pair": 1}]
    batch = PreferenceCollator([FIRST], pad_token_id=0)(rows)
    assert batch["input_ids"].tolist() == [[3, 4, 9, 0], [3, 4, 9, 0], [3, 5, 6, 9], [3, 7, 9, 0]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1, 0], [1, 1, 1, 0], [1, 1, 1, 1], [1, 1, 1, 0]]
    assert batch["completion_mask"].tolist() == [[0, 1, 1, 0], [0, 1, 1, 0], [0, 1, 1, 1], [0, 1, 1, 0]]
    assert batch["tree_ids"].tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert batch["tree_index"].tolist() == [[2, 3, 0, 0], [2, 3, 0, 0], [2, 4, 5, 0], [2, 6, 0, 0]]


def test_positions_are_within_the_submissions_own_tree() -> None:
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


def test_sft_predicts_complete_verdicts() -> None:
    batch = VerdictCollator([FIRST, SECOND], letters_only=False, with_shared=False)(
        [{"submission": 1}, {"submission": 0}]
    )
    assert batch["labels"].tolist() == [[4, 9, 5, 9, 4, 9]]
    assert batch["tree_ids"].tolist() == [1, 2, 8, 4, 3, 5, 1, 2, 3, 4]
    assert batch["tree_index"].tolist() == [[2, 3, 4, 5, 8, 9]]
    assert batch["is_answer"].all()


def test_sft_predicts_letters_and_shared_tokens() -> None:
    batch = VerdictCollator([SECOND], letters_only=True, with_shared=True)([{"submission": 0}])
    assert batch["labels"].tolist() == [[4, 5, 2]]
    assert batch["is_answer"].tolist() == [[True, True, False]]
    assert batch["tree_index"].tolist() == [[2, 3, 0]]
    assert batch["tree_ids"].tolist() == [1, 2, 8, 3]


def test_spans_tile_the_row_and_branches_refer_to_their_trunk() -> None:
    trees = [build_token_tree([1, 2], [([3], [[4, 9]]), ([5], [[6, 9]])]), build_token_tree([1], [([2], [[3]])])]
    packed = pack(trees, range(len(trees)))
    assert packed["tree_spans"].tolist() == [[0, 2, 0, 0], [2, 4, 0, 2], [4, 6, 0, 2], [6, 8, 6, 6]]
    assert packed["tree_ends"].tolist() == [6, 6, 4, 4, 6, 6, 8, 8]
    assert packed["tree_depths"].tolist() == [0, 1, 2, 3, 2, 3, 0, 1]
