"""Recipes: a scenario as an ordered list of commands in one TOML file."""

from __future__ import annotations

from cnncodes.recipes.finding import find_recipe, list_recipes
from cnncodes.recipes.recipe import Recipe, Step, read_recipe
from cnncodes.recipes.running import run_recipe

__all__ = ["Recipe", "Step", "find_recipe", "list_recipes", "read_recipe", "run_recipe"]
