"""The trunk of several parts: what is missing has no influence, and parts are joined as stated."""

import pytest
import torch
from sklearn.base import clone

from skmtl.nn import (
    ConvTrunk,
    FittedTrunk,
    Mixing,
    MLPTrunk,
    MultiModalTrunk,
    OpenParts,
    Part,
    PretrainedTrunk,
    RecurrentTrunk,
    TextTrunk,
)
from skmtl.nn._fusions import FUSIONS
from skmtl.nn._modal_net import _lose_one

PARTS = [
    Part("numbers", (3,), 3),
    Part("kinds", (2 + 2 * 4,), 4, 0, (5, 7), 4),
    Part("picture", (1, 4, 4), 16),
    Part("sound", (5, 2), 15),
    Part("text", (), 8, n_tokens=11),
]


def rows_of(parts, n_rows=6, there=None, seed=0):
    """A batch of flat rows: widths, marks and parts."""
    draw = torch.Generator().manual_seed(seed)
    blocks = []
    for part in parts:
        block = torch.randn(n_rows, part.width, generator=draw)
        if part.embedding_rows:
            block[:, -2:] = torch.randint(5, (n_rows, 2), generator=draw).float()
        if part.n_tokens:
            block[:, : part.width // 2] = torch.randint(11, (n_rows, part.width // 2), generator=draw).float()
        if len(part.shape) == 2:
            block[:, -part.shape[0] :] = 1
        blocks.append(block)
    marks = torch.ones(n_rows, len(parts)) if there is None else there
    widths = torch.tensor([[float(part.width) for part in parts]]).expand(n_rows, -1)
    return torch.cat([widths, marks, *blocks], 1)


def built(parts=PARTS, n_members=1, **settings):
    trunk = MultiModalTrunk(**settings).of_parts(parts)
    n_features = sum(2 + part.width for part in parts)
    module = trunk.build(n_features, [torch.Generator().manual_seed(member) for member in range(n_members)])
    return module.eval()


@pytest.mark.parametrize("fusion", sorted(FUSIONS))
def test_parts_of_all_kinds_become_one_representation(fusion):
    module = built(n_members=2, fusion=fusion, width=8)
    x = rows_of(PARTS)
    units = module(x)
    assert units.shape == (2, 6, 8)
    units.sum().backward()
    idle = [name for name, value in module.named_parameters() if value.grad is None]
    assert not idle, idle
    torch.testing.assert_close(module(x[:3]), units[:, :3])


@pytest.mark.parametrize(("width", "n_heads"), [(8, 4), (6, 2), (5, 1)])
def test_attention_has_as_many_heads_as_divide_the_width(width, n_heads):
    module = built(fusion="attention", width=width)
    assert module.members[0].fusion.attention.num_heads == n_heads
    assert module(rows_of(PARTS)).shape == (1, 6, width)


@pytest.mark.parametrize(
    ("parts", "usual"),
    [
        ([PARTS[0], PARTS[1]], "concat"),
        ([PARTS[0], PARTS[2]], "attention"),
        ([PARTS[2], PARTS[3]], "attention"),
        ([PARTS[2], PARTS[4]], "concat"),
        (PARTS, "concat"),
    ],
    ids=["columns", "columns and pictures", "pictures and sounds", "pictures and texts", "all"],
)
def test_how_parts_are_usually_joined_follows_their_kinds(parts, usual):
    assert isinstance(built(parts, width=8).members[0].fusion, FUSIONS[usual])


def test_of_two_rows_that_are_mixed_a_part_that_one_lacks_counts_by_the_others_share():
    parts = [PARTS[2], PARTS[3]]
    module = built(parts, width=8)
    there = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    x = rows_of(parts, 2, there)
    x[0, -15:], x[1, 4:20] = 0, 0  # as standardizers leave what is missing
    both = torch.cat([x[:1, :2], torch.ones(1, 2), 0.7 * x[:1, 4:20], 0.3 * x[1:, 20:]], 1)
    torch.testing.assert_close(module(Mixing(torch.tensor([1, 0]), 0.7).mixed(x))[:, :1], module(both))


def test_widths_of_parts_survive_that_rows_are_mixed():
    widths = torch.arange(1.0, 3000.0).expand(2, -1)
    for share in torch.rand(50, generator=torch.Generator().manual_seed(0)).tolist():
        assert Mixing(torch.tensor([1, 0]), share).mixed(widths).round().equal(widths)


@pytest.mark.parametrize("fusion", sorted(FUSIONS))
def test_what_stands_in_the_place_of_a_missing_part_has_no_influence(fusion):
    module = built(fusion=fusion, width=8)
    for place in range(len(PARTS)):
        there = torch.ones(6, len(PARTS))
        there[:, place] = 0
        x, other = rows_of(PARTS, there=there), rows_of(PARTS, there=there, seed=1)
        first = 2 * len(PARTS) + sum(part.width for part in PARTS[:place])
        mixed = x.clone()
        mixed[:, first : first + PARTS[place].width] = other[:, first : first + PARTS[place].width]
        assert torch.equal(module(mixed), module(x))
        assert not torch.allclose(module(x), module(rows_of(PARTS)))


@pytest.mark.parametrize("fusion", ["gated", "attention"])
def test_without_any_part_the_representation_is_zero(fusion):
    units = built(fusion=fusion, width=8)(rows_of(PARTS, there=torch.zeros(6, len(PARTS))))
    assert torch.equal(units, torch.zeros_like(units))


def test_gates_start_as_the_mean_of_what_is_there():
    fusion = FUSIONS["gated"]([2, 3], 4)
    units = [torch.randn(5, 2), torch.randn(5, 3)]
    there = torch.tensor([[True, True]] * 4 + [[True, False]])
    values = [torch.tanh(layer(own)) for layer, own in zip(fusion.values, units, strict=True)]
    joined = fusion(units, there)
    torch.testing.assert_close(joined[:4], ((values[0] + values[1]) / 2)[:4])
    torch.testing.assert_close(joined[4], values[0][4])


def test_texts_and_sequences_may_be_of_other_lengths_later():
    parts = [Part("sound", (5, 2), 15), Part("text", (), 8, n_tokens=11)]
    module = built(parts, width=8)
    x = rows_of(parts)
    longer = [Part("sound", (7, 2), 21), Part("text", (), 12, n_tokens=11)]
    wide = torch.zeros(6, 4 + 33)
    wide[:, :2] = torch.tensor([21.0, 12.0])
    wide[:, 2:4] = 1
    wide[:, 4:14], wide[:, 18:23] = x[:, 4:14], x[:, 14:19]  # steps, and their marks
    wide[:, 25:29], wide[:, 31:35] = x[:, 19:23], x[:, 23:27]  # places, and their weights
    assert sum(part.width for part in longer) == 33
    torch.testing.assert_close(module(wide), module(x))


def test_one_part_of_a_share_of_the_rows_is_lost():
    torch.manual_seed(0)
    there = torch.rand(4000, 3) < 0.7
    kept = _lose_one(there, 0.25)
    lost = (there & ~kept).sum(1)
    assert not (kept & ~there).any()
    assert lost.max() == 1
    several = there.sum(1) > 1
    assert not lost[~several].any()
    assert abs(lost[several].float().mean() - 0.25) < 0.03
    assert torch.equal(_lose_one(there, 0.0), there)


@pytest.mark.parametrize("fusion", sorted(FUSIONS))
def test_rows_are_read_alike_in_training_where_only_those_that_have_a_part_are_read(fusion):
    parts, there = [PARTS[0], PARTS[2]], torch.tensor([[1.0, 1], [0, 1], [1, 0], [1, 1], [0, 0], [0, 1]])
    trunks = {"numbers": MLPTrunk((5,)), "picture": ConvTrunk((4,), dropout=0.0)}
    module = built(parts, trunks=trunks, fusion=fusion, width=8, dropout=0.0, part_dropout=0.0)
    for marks in (there, there[:, :1] * torch.tensor([0.0, 1]), torch.zeros(6, 2)):
        x = rows_of(parts, 6, marks)
        expected = module.eval()(x)
        units = module.train()(x)
        torch.testing.assert_close(units, expected)
        units.sum().backward()


def test_statistics_of_a_batch_are_of_the_rows_that_have_the_part():
    parts, there = [PARTS[0], PARTS[2]], torch.tensor([[1.0, 1], [0, 1], [1, 0], [1, 1], [0, 1], [1, 1]])
    module = built(parts, trunks={"numbers": torch.nn.BatchNorm1d(3)}, width=4, part_dropout=0.0).train()
    x = rows_of(parts, 6, there)
    module(x)
    norm = module.members[0].encoders[0].trunk
    torch.testing.assert_close(norm.running_mean, norm.momentum * x[there[:, 0] > 0, 4:7].mean(0))


def test_trunks_are_given_by_part():
    module = built(PARTS[:3], trunks={"picture": ConvTrunk((4,)), "numbers": MLPTrunk((5,))}, width=8)
    encoders = module.members[0].encoders
    assert [encoder.n_outputs for encoder in encoders] == [5, 128, 4]
    own = {"numbers": torch.nn.Linear(3, 2), "picture": torch.nn.Flatten()}
    encoders = built([PARTS[0], PARTS[2]], trunks=own, width=8).members[0].encoders
    assert [encoder.n_outputs for encoder in encoders] == [2, 16]
    usual = built(PARTS[:1], trunks={"numbers": "auto"}, width=8).members[0].encoders
    assert usual[0].n_outputs == built(PARTS[:1], width=8).members[0].encoders[0].n_outputs


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"fusion": "sum"}, r"fusion must be 'auto' or one of \['attention', 'concat', 'gated'\], got 'sum'"),
        ({"width": 0}, "width must be a positive integer, got 0"),
        ({"part_dropout": 1.0}, r"part_dropout must be in \[0, 1\), got 1.0"),
        ({"trunks": "all"}, "trunks must be 'auto' or a mapping of part to trunk, got 'all'"),
        ({"trunks": {"film": ConvTrunk()}}, "trunks names the part 'film', which X does not have"),
        ({"trunks": {"numbers": TextTrunk()}}, r"TextTrunk\(\) cannot read the part 'numbers', which holds columns"),
        ({"trunks": {"text": RecurrentTrunk()}}, "cannot read the part 'text', which holds texts"),
        ({"trunks": {"numbers": 5}}, r"trunks\['numbers'\]: trunk must be 'auto', a trunk specification, .* got 5"),
        ({"trunks": [MLPTrunk()]}, "trunks must be 'auto' or a mapping of part to trunk, got"),
        ({"trunks": {"numbers": ConvTrunk()}}, "The trunk of the part 'numbers', which holds columns: ConvTrunk"),
        (
            {"trunks": {"picture": MultiModalTrunk()}},
            "the part 'picture' a MultiModalTrunk, but a part is of one",
        ),
        (
            {"trunks": {"numbers": FittedTrunk(None)}},
            r"the part 'numbers' a FittedTrunk, .* the trunk of the whole",
        ),
        (
            {"trunks": {"picture": PretrainedTrunk("vit", adapters="lora")}},
            r"the part 'picture' a PretrainedTrunk whose model is trained further, .* Freeze it here",
        ),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        built(**settings)


def test_an_open_trunk_says_the_same_from_what_its_tables_look_up():
    module = built(n_members=2, width=8)
    x = rows_of(PARTS, 2, torch.tensor([[1.0, 1, 1, 0, 1], [0, 1, 1, 1, 1]]))
    opened = OpenParts(module)
    assert [len(tables) for tables in opened.tables] == [0, 2, 0, 0, 2]
    there, *blocks = x[:, 5:].split([5, *(part.width for part in PARTS)], 1)
    given = [
        torch.cat([table(block) for table in tables]) if tables else block
        for block, tables in zip(blocks, opened.tables, strict=True)
    ]
    with torch.no_grad():
        torch.testing.assert_close(opened(there, given), module(x))
        module.members[0].fusion.layer.weight.mul_(2)  # weights are shared
        torch.testing.assert_close(opened(there, given), module(x))
    given[4] = given[4] + 1
    assert not torch.allclose(opened(there, given), module(x))


def test_parameters_of_a_part_are_parameters_by_its_name():
    parts = {"picture": ConvTrunk((4,)), "numbers": MLPTrunk((5,)), "width": MLPTrunk((3,)), "a__b": MLPTrunk((2,))}
    trunk = MultiModalTrunk(parts, width=8)
    params = trunk.get_params()
    assert params["width"] == 8
    assert params["picture__channels"] == (4,)
    assert params["numbers"] is parts["numbers"]
    assert not any(name.startswith(("a__b", "width__")) for name in params)
    assert set(trunk.get_params(deep=False)) == {"trunks", "fusion", "width", "dropout", "part_dropout"}
    other = clone(trunk).set_params(picture__channels=(6,), width=16, numbers=MLPTrunk((7,)), numbers__dropout=0.3)
    assert (other.trunks["picture"].channels, other.width, other.trunks["numbers"].dropout) == ((6,), 16, 0.3)
    assert list(other.trunks) == list(parts)
    assert (trunk.trunks["picture"].channels, trunk.width, parts["numbers"].hidden_layer_sizes) == ((4,), 8, (5,))
    with pytest.raises(ValueError, match="Invalid parameter 'film' for estimator MultiModalTrunk"):
        trunk.set_params(film__channels=(4,))
    with pytest.raises(ValueError, match="Invalid parameter 'depth' for estimator ConvTrunk"):
        trunk.set_params(picture__depth=4)
    assert MultiModalTrunk().set_params(trunks=parts, picture__channels=(9,)).get_params()["picture__channels"] == (9,)
